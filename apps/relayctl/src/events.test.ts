import type { ServerResponse } from "node:http";
import { join } from "node:path";
import type { ControlEvent } from "@serverless-relay/control-api";
import { commandOf, FakeDaemon, Running, runCommand } from "@serverless-relay/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { useShell } from "./relayctl.test-support.ts";

const shell = useShell();
let daemon: FakeDaemon | undefined;
let process: Running | undefined;

afterEach(async () => {
  await process?.stop();
  await daemon?.close();
  process = undefined;
  daemon = undefined;
});

const time = "2026-11-23T06:00:01.250Z";
const paired: ControlEvent = { time, event: "paired", session: "aa", route: ["f1", "f2"], channel: "443" };
const refused: ControlEvent = { time, event: "refused", reason: "no_route", names: ["f1"], peer: "f3" };
const stopping: ControlEvent = { time, event: "stream_ended", message: "relayd is stopping" };

/** Streams these events, and then does as told. */
async function streaming(events: readonly ControlEvent[], then: (response: ServerResponse) => void = () => {}) {
  const socket = join(shell.dir, "relayd.sock");
  daemon = await FakeDaemon.serving(socket, (_request, response) => {
    response.writeHead(200, { "content-type": "application/x-ndjson" }).flushHeaders();
    for (const event of events) response.write(`${JSON.stringify(event)}\n`);
    then(response);
  });
  return socket;
}

describe("relayctl events", { timeout: 30_000 }, () => {
  it("shows those asked for, until relayd stops, and says so", async () => {
    const socket = await streaming([refused, paired, stopping], (response) => response.end());
    const all = await shell.relayctl(`events --socket ${socket}`);
    expect(all.stdout).toMatch(
      /^\S+ refused {2}f1 for f3: no_route\n\S+ paired {3}f1 <-> f2 on channel 443, session aa\n$/,
    );
    expect(all).toMatchObject({
      code: 69,
      stderr:
        "following what happens; Ctrl-C ends it\nrelayctl: relayd ended the stream of events: relayd is stopping\n",
    });
    const of = async (words: string) => {
      const { stdout } = await shell.relayctl(`events --json --socket ${socket} ${words}`);
      return stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown);
    };
    const end = { error: { code: "stream_ended", message: "relayd ended the stream of events: relayd is stopping" } };
    await expect(of("")).resolves.toEqual([refused, paired, end]);
    await expect(of("--kind paired,ended")).resolves.toEqual([paired, end]);
    await expect(of("--function f3")).resolves.toEqual([refused, end]);
    await expect(of("--route f2 f1 --kind refused")).resolves.toEqual([end]);
  });

  it("says that relayd broke off", async () => {
    const socket = await streaming([paired], (response) => response.write("{", () => response.destroy()));
    const ended = await shell.relayctl(`events --socket ${socket}`);
    expect(ended.stdout).toContain("session aa");
    expect(ended).toMatchObject({ code: 69, stderr: expect.stringContaining("broke off in mid-answer") });
  });

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("ends well on %s", async (signal) => {
    const socket = await streaming([paired]);
    process = Running.start("relayctl", ["events", "--json"], { env: { RELAYD_SOCKET: socket, HOME: shell.dir } });
    expect(JSON.parse(await process.line(/paired/))).toEqual(paired);
    await expect(process.stop(signal)).resolves.toBe(0);
    expect(process.lines).toHaveLength(1);
  });

  it("ends well when nobody reads any more", async () => {
    let sending: NodeJS.Timeout | undefined;
    const socket = await streaming([paired], (response) => {
      sending = setInterval(() => response.write(`${JSON.stringify(refused)}\n`), 5);
      response.once("close", () => clearInterval(sending));
    });
    const [node, bin] = commandOf("relayctl");
    const piped = `set -o pipefail; "${node}" "${bin}" events --json | head -n 1`;
    const env = { RELAYD_SOCKET: socket, HOME: shell.dir };
    await expect(runCommand("bash", ["-c", piped], { env })).resolves.toEqual({
      code: 0,
      stdout: `${JSON.stringify(paired)}\n`,
      stderr: "",
    });
  });

  it("knows which kinds there are", async () => {
    const ended = await shell.relayctl("events --kind paird");
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining("admitted, refused") });
  });
});
