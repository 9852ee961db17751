/** The built programs, as processes of their own: run to their end, or started and watched line by line. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { atExit } from "./at-exit.ts";

export type Program = "relayd" | "relayctl" | "relay-sidecar" | "test-function";

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** default 30 s; the process is killed then, and the run fails */
  readonly timeoutMs?: number;
}

export interface StartOptions extends Omit<RunOptions, "timeoutMs"> {
  /** keeps standard input open, for `write`; otherwise there is none */
  readonly stdin?: "open";
  /** signals go to whatever it has started as well: for a shell */
  readonly group?: true;
}

export interface Finished {
  /** null if a signal ended it */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line of one of this project's programs: this node, with the flags that the bin's first line gives it, and the bin. */
export function commandOf(program: Program): [string, ...string[]] {
  const bin = fileURLToPath(new URL(`../../../apps/${program}/bin/${program}.js`, import.meta.url));
  const [, flags = ""] = /^#!\/usr\/bin\/env (?:-S )?node(.*)/.exec(readFileSync(bin, "utf8")) ?? [];
  return [process.execPath, ...flags.split(" ").filter((flag) => flag !== ""), bin];
}

/** Runs one of this project's programs to its end. */
export function run(program: Program, args: readonly string[] = [], options: RunOptions = {}): Promise<Finished> {
  const [node, ...bin] = commandOf(program);
  return runCommand(node, [...bin, ...args], options);
}

/** Runs any command to its end. Rejects if it cannot be started, or takes too long. */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: RunOptions & { readonly input?: string } = {},
): Promise<Finished> {
  const child = spawn(command, args, { cwd: options.cwd, env: { ...process.env, ...options.env } });
  const ended = atExit(() => child.kill("SIGKILL"));
  const timeout = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 30_000);
  child.stdin.on("error", () => {}); // it may end without having read
  child.stdin.end(options.input ?? "");
  const [stdout, stderr, [code, signal]] = await Promise.all([
    collect(child.stdout),
    collect(child.stderr),
    once(child, "close") as Promise<[number | null, string | null]>,
  ]);
  clearTimeout(timeout);
  ended();
  if (signal === "SIGKILL") throw new Error(`${command} ${args.join(" ")} did not end in time\n${stdout}${stderr}`);
  return { code, stdout, stderr };
}

async function collect(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** A process under way. Every line that it prints, on either stream, is kept. */
export class Running {
  readonly lines: string[] = [];
  /** settles when the process has ended and all that it printed has been read */
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #group: boolean;
  readonly #watchers = new Set<() => void>();
  #over = false;

  private constructor(child: ChildProcess, group: boolean) {
    this.#child = child;
    this.#group = group;
    const forget = atExit(() => this.kill("SIGKILL"));
    child.stdin?.on("error", () => {}); // it may end without having read
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        this.lines.push(line);
        this.#tell();
      });
    }
    this.ended = once(child, "close").then(([code]) => {
      this.#over = true;
      forget();
      this.#tell();
      return code as number | null;
    });
  }

  static start(program: Program, args: readonly string[] = [], options: StartOptions = {}): Running {
    const [node, ...bin] = commandOf(program);
    return Running.startCommand(node, [...bin, ...args], options);
  }

  static startCommand(command: string, args: readonly string[], options: StartOptions = {}): Running {
    const env = { ...process.env, ...options.env };
    const stdin = options.stdin === "open" ? "pipe" : "ignore";
    const detached = options.group === true;
    const child = spawn(command, args, { cwd: options.cwd, env, detached, stdio: [stdin, "pipe", "pipe"] });
    return new Running(child, detached);
  }

  get isOver(): boolean {
    return this.#over;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Writes to its standard input, which was asked for at the start. */
  write(text: string): void {
    if (this.#child.stdin === null) throw new Error("started without standard input");
    this.#child.stdin.write(text);
  }

  endInput(): void {
    this.#child.stdin?.end();
  }

  /** The first line, printed already or yet to come, that matches. Rejects if the process ends, or after `timeoutMs`. */
  async line(pattern: RegExp, timeoutMs = 20_000): Promise<string> {
    let next = 0;
    const search = (): string | undefined => {
      for (; next < this.lines.length; next++) {
        const line = this.lines[next];
        if (line !== undefined && pattern.test(line)) return line;
      }
      return undefined;
    };
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const fail = (why: string) => reject(new Error(`${why} before ${pattern}; it printed:\n${this.lines.join("\n")}`));
    const timeout = setTimeout(() => fail(`${timeoutMs} ms went by`), timeoutMs);
    const look = () => {
      const found = search();
      if (found !== undefined) resolve(found);
      else if (this.#over) fail("the process ended");
    };
    this.#watchers.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(timeout);
      this.#watchers.delete(look);
    });
  }

  kill(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (!this.#group || pid === undefined) {
      this.#child.kill(signal);
      return;
    }
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // it has just ended
    }
  }

  /** Asks it to end, and waits; after `graceMs` it is killed. Returns its exit code; null if a signal ended it. */
  async stop(signal: NodeJS.Signals = "SIGTERM", graceMs = 10_000): Promise<number | null> {
    if (!this.#over) this.kill(signal);
    const grace = setTimeout(() => this.kill("SIGKILL"), graceMs);
    const code = await this.ended;
    clearTimeout(grace);
    return code;
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher();
  }
}
