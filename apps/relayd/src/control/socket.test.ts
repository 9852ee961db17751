import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, lstat, mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ask, recordingLog } from "./control.test-support.ts";
import { ControlSocketError, listenOnControlSocket } from "./socket.ts";

let directory: string;
let path: string;
let servers: Server[];
let lines: Record<string, unknown>[];
let log: ReturnType<typeof recordingLog>["log"];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "relayd-socket-"));
  path = join(directory, "relayd.sock");
  servers = [];
  ({ log, lines } = recordingLog());
});
afterEach(async () => {
  for (const server of servers) await close(server);
  await rm(directory, { recursive: true });
});

async function listen(at = path): Promise<Server> {
  const server = createServer((_request, response) => response.end("{}"));
  await listenOnControlSocket(server, at, log);
  servers.push(server);
  return server;
}

async function close(server: Server): Promise<void> {
  if (server.listening) await new Promise((resolve) => server.close(resolve));
}

const modeOf = async (file: string) => (await stat(file)).mode & 0o777;

/** What a relayd leaves behind that was killed. */
async function leaveStaleSocket(at = path): Promise<void> {
  const program = `require("node:net").createServer().listen(${JSON.stringify(at)}, () => process.kill(process.pid, "SIGKILL"))`;
  const child = spawn(process.execPath, ["--eval", program], { stdio: "inherit" });
  await once(child, "exit");
  expect((await lstat(at)).isSocket()).toBe(true);
}

describe("the control socket", () => {
  it("answers, is its owner's alone, and goes with the server", async () => {
    const server = await listen();
    expect(await modeOf(path)).toBe(0o600);
    await expect(ask(path, "GET", "/")).resolves.toMatchObject({ status: 200 });
    await close(server);
    expect(await readdir(directory)).toEqual([]);
    expect(lines).toEqual([]);
  });

  it("is in a directory of its owner's alone, which is made", async () => {
    await listen(join(directory, "a", "b", "relayd.sock"));
    expect(await modeOf(join(directory, "a", "b"))).toBe(0o700);
  });

  it("is never open to others, whatever the umask, and leaves the umask as it was", async () => {
    const before = process.umask(0);
    try {
      const server = createServer();
      servers.push(server);
      const bound = listenOnControlSocket(server, path, log);
      const modes = new Set<number>();
      let done = false;
      const watched = (async () => {
        while (!done) {
          const found = await stat(path).catch(() => null);
          if (found !== null) modes.add(found.mode & 0o777);
        }
      })();
      await bound;
      await expect.poll(() => modes.size).toBeGreaterThan(0);
      done = true;
      await watched;
      expect([...modes]).toEqual([0o600]);
      expect(process.umask()).toBe(0);
    } finally {
      process.umask(before);
    }
  });

  it("warns of a directory in which others may write", async () => {
    const open = join(directory, "open");
    await mkdir(open);
    await chmod(open, 0o777);
    await listen(join(open, "relayd.sock"));
    expect(lines).toMatchObject([{ directory: open, mode: "777", msg: expect.stringContaining("chmod 700") }]);
  });

  it("takes the place of one that a crashed relayd left behind", async () => {
    await leaveStaleSocket();
    await listen();
    expect(lines).toMatchObject([{ socket: path, msg: expect.stringContaining("left behind") }]);
    await expect(ask(path, "GET", "/")).resolves.toMatchObject({ status: 200 });
    expect(await modeOf(path)).toBe(0o600);
  });

  it("leaves one alone on which another relayd answers", async () => {
    await listen();
    const second = listen();
    await expect(second).rejects.toThrow(ControlSocketError);
    await expect(second).rejects.toThrow(
      `control.socket ${path}: another relayd is running on it; stop that one, or choose another path`,
    );
    await expect(ask(path, "GET", "/")).resolves.toMatchObject({ status: 200 });
  });

  it("leaves a file alone that is no socket", async () => {
    await writeFile(path, "precious");
    await expect(listen()).rejects.toThrow(`${path}: is there and is no socket; move it, or choose another path`);
    expect((await stat(path)).size).toBe("precious".length);
  });

  it("says why it cannot be made", async () => {
    await writeFile(join(directory, "file"), "");
    await expect(listen(join(directory, "file", "relayd.sock"))).rejects.toThrow(/^control\.socket .*relayd\.sock: /);
    await expect(listen(join(directory, "x".repeat(120)))).rejects.toThrow(
      /cannot be opened \(.*\); choose another path/,
    );
    expect(await readdir(directory)).toEqual(["file"]);
  });
});
