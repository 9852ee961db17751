/**
 * Processes that the bench starts, and ends: each in a process group of its own, so that what it forks ends with it. None is
 * left when the bench ends, however it does.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, closeSync, constants, openSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const STOP_GRACE_MS = 4_000;
const START_TIMEOUT_MS = 20_000;

/** As many files as the hard limit allows; the process keeps its id. */
const RAISE_LIMIT = ["sh", "-c", 'ulimit -n "$(ulimit -Hn)" && exec "$@"', "sh"] as const;

const underWay = new Set<Program>();
process.once("exit", () => {
  for (const program of underWay) program.kill("SIGKILL");
});

export class Program {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #log: string;
  readonly #ended: Promise<void>;
  #over = false;

  /** @param log a file that gets what it prints */
  constructor(command: string, args: readonly string[], options: { readonly log: string; readonly cwd: string }) {
    const output = openSync(options.log, "w");
    const [shell, ...script] = [...RAISE_LIMIT, command, ...args];
    this.#child = spawn(shell, script, { cwd: options.cwd, detached: true, stdio: ["ignore", output, output] });
    closeSync(output);
    this.#name = command;
    this.#log = options.log;
    underWay.add(this);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    const over = () => {
      this.#over = true;
      underWay.delete(this);
      resolve();
    };
    this.#child.once("exit", over).once("error", over);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Waits until the log matches. */
  async logs(pattern: RegExp): Promise<void> {
    await this.#until(() => Promise.resolve(pattern.test(readFileSync(this.#log, "utf8"))));
  }

  /** Waits until it accepts connections. */
  async listens(port: number): Promise<void> {
    await this.#until(() => accepts(port));
  }

  kill(signal: NodeJS.Signals): void {
    if (this.pid === 0) return;
    try {
      process.kill(-this.pid, signal);
    } catch {
      // it has ended, and all of its group
    }
  }

  async stop(): Promise<void> {
    if (!this.#over) this.kill("SIGTERM");
    await Promise.race([this.#ended, sleep(STOP_GRACE_MS, undefined, { ref: false })]);
    this.kill("SIGKILL"); // what it forked may have outlived it
    await this.#ended;
  }

  async #until(holds: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await holds())) {
      if (this.#over) throw new Error(`${this.#name} ended at the start:\n${readFileSync(this.#log, "utf8")}`);
      if (Date.now() > deadline) throw new Error(`${this.#name} is not ready:\n${readFileSync(this.#log, "utf8")}`);
      await sleep(20);
    }
  }
}

function accepts(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ port, host: "127.0.0.1" });
  socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}

/** Where a program is installed; null if it is not. Daemons are looked for where PATH may not lead. */
export function findProgram(name: string): string | null {
  for (const directory of [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"]) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here
    }
  }
  return null;
}
