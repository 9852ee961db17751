/** Every command, against every way in which relayd may not be there: a clear message, and exit code 69. */
import { writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { FakeDaemon } from "@serverless-relay/testkit";
import { describe, expect, it } from "vitest";
import { daemonCommandLines } from "./daemon-commands.test-support.ts";
import { useShell } from "./relayctl.test-support.ts";

const shell = useShell();
const COMMANDS = daemonCommandLines();

const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n";

interface Death {
  readonly is: string;
  /** what listens on `socket` instead */
  readonly open: (socket: string) => Promise<FakeDaemon | null>;
  readonly says: string;
  /** how long to wait for an answer that will not come, in seconds; otherwise nobody waits so long */
  readonly patience?: number;
}

const dying = (handle: (connection: Socket) => void) => (socket: string) => FakeDaemon.onConnection(socket, handle);

const DEATHS: readonly Death[] = [
  { is: "absent, or has not come so far yet", open: async () => null, says: "there is no such socket. Start relayd" },
  {
    is: "dead, its socket left over",
    open: async (socket) => {
      await writeFile(socket, "");
      return null;
    },
    says: "nobody listens there. Start relayd",
  },
  {
    is: "starting, or stopped: it does not answer",
    open: dying(() => {}),
    says: "gave no answer within 0.1 s",
    patience: 0.1,
  },
  {
    is: "gone before the answer",
    open: dying((connection) => connection.end()),
    says: "closed the connection without an answer",
  },
  {
    is: "gone after the head of the answer",
    open: dying((connection) => connection.end(`${HEAD}Content-Length: 100\r\n\r\n`)),
    says: "broke off in mid-answer",
  },
  {
    is: "gone in the middle of the answer",
    open: dying((connection) => connection.end(`${HEAD}Transfer-Encoding: chunked\r\n\r\n9\r\n{"time":"\r\n`)),
    says: "broke off in mid-answer",
  },
  {
    is: "stuck in the middle of an error",
    open: dying((connection) => connection.write('HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\n{"error":{')),
    says: "gave no answer within 0.1 s",
    patience: 0.1,
  },
  {
    is: "another program",
    open: dying((connection) => connection.end("220 mail.example ESMTP\r\n")),
    says: "is no relayd, or one of another version",
  },
];

describe.each(DEATHS)("relayd is $is", { timeout: 60_000 }, ({ open, says, patience = 60 }) => {
  it.each(COMMANDS)("relayctl %s", async (command) => {
    const socket = join(shell.dir, "relayd.sock");
    const daemon = await open(socket);
    const environment = { RELAYD_SOCKET: socket, RELAYD_TIMEOUT: `${patience}` };
    const ended = await shell.relayctl(command, environment);
    await daemon?.close();
    expect(ended).toMatchObject({ code: 69, stdout: "", stderr: expect.stringContaining(says) });
    expect(ended.stderr).toContain(socket);
    expect(ended.stderr).not.toMatch(/^\s+at /m);
  });
});

it.each(COMMANDS)("relayctl %s --json says so in JSON, on one line", { timeout: 30_000 }, async (command) => {
  const ended = await shell.relayctl(`${command} --json`, { RELAYD_SOCKET: "/nowhere/relayd.sock" });
  expect(ended).toMatchObject({ code: 69, stderr: "", stdout: expect.stringMatching(/^.+\n$/) });
  expect(JSON.parse(ended.stdout).error).toMatchObject({
    code: "daemon_unreachable",
    message: expect.stringContaining("no relayd at /nowhere/relayd.sock"),
  });
});

it.each(["0", "-1", "soon", "3601"])("RELAYD_TIMEOUT=%s is refused", { timeout: 30_000 }, async (RELAYD_TIMEOUT) => {
  const ended = await shell.relayctl("status", { RELAYD_TIMEOUT });
  expect(ended).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`RELAYD_TIMEOUT=${RELAYD_TIMEOUT} is no number`),
  });
});
