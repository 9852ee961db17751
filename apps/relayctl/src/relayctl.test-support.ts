/** Runs the built program as users run it, in a directory of each test's own. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FakeDaemon } from "@serverless-relay/testkit";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";

const BIN = fileURLToPath(new URL("../bin/relayctl.js", import.meta.url));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Shell {
  /** the working directory, and HOME */
  dir: string;
  /** Runs relayctl to its end; `words` are split at spaces. */
  readonly relayctl: (words: string, environment?: Readonly<Record<string, string>>) => Promise<Ended>;
  /** Starts a daemon that answers every request alike. `asked` gives the requests that it got. */
  readonly daemon: (status: number, answer: unknown) => Promise<{ socket: string; asked: () => string[] }>;
}

/** To be called once in a test file. Each test has a new directory; nothing of it is left. */
export function useShell(): Shell {
  let fake: FakeDaemon | undefined;
  let cache = "";
  const shell: Shell = {
    dir: "",
    relayctl: (words, environment = {}) => {
      const args = [BIN, ...words.split(" ").filter((word) => word !== "")];
      const env = { HOME: shell.dir, XDG_CACHE_HOME: cache, ...environment };
      return new Promise((resolve) => {
        const child = execFile(process.execPath, args, { cwd: shell.dir, env }, (error, stdout, stderr) => {
          resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
        });
        child.stdin?.end();
      });
    },
    daemon: async (status, answer) => {
      const socket = join(shell.dir, "relayd.sock");
      const daemon = await FakeDaemon.answering(socket, status, answer);
      fake = daemon;
      return { socket, asked: () => daemon.asked.map(({ method, path, body }) => `${method} ${path} ${body}`.trim()) };
    },
  };
  // Else each test would compile the program anew.
  beforeAll(async () => {
    cache = await mkdtemp(join(tmpdir(), "relayctl-cache-"));
  });
  afterAll(async () => {
    await rm(cache, { recursive: true });
  });
  beforeEach(async () => {
    shell.dir = await mkdtemp(join(tmpdir(), "relayctl-"));
  });
  afterEach(async () => {
    await fake?.close();
    fake = undefined;
    await rm(shell.dir, { recursive: true });
  });
  return shell;
}
