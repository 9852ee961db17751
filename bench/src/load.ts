/** One run of the load (native/load): both ends of all the pairs, set up, set going, and let go of. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { flags, type RunningPeer } from "./peer.ts";

export type LoadMeasure = "bulk" | "ping" | "setup" | "hold" | "park";

export interface LoadOptions {
  readonly pairs?: number;
  readonly inFlight?: number;
  readonly count?: number;
  readonly seconds?: number;
  /** milliseconds that pass before each pair that is set up, or from one chunk of 256 KiB to the next; default: none */
  readonly pause?: number;
  /** the processors that the two ends of a ping stay on */
  readonly cpus?: readonly [number, number];
}

/** How many pairs one run may number: no two runs use the same number, for a channel or a token is made of it. */
const IDS_PER_RUN = 1_000_000;
const TIMEOUT_MS = 120_000;

let runs = 0;
const underWay = new Set<ChildProcessWithoutNullStreams>();
process.once("exit", () => {
  for (const child of underWay) child.kill("SIGKILL");
});

export class Load {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #complaint = "";

  private constructor(program: string, args: readonly string[]) {
    this.#child = spawn(program, args, { detached: true });
    underWay.add(this.#child);
    this.#child.once("exit", () => underWay.delete(this.#child));
    this.#child.on("error", (error) => {
      this.#complaint += error.message;
    });
    this.#child.stdin.on("error", () => {}); // it has ended: the next line says why
    this.#child.stderr.on("data", (chunk: Buffer) => {
      this.#complaint += chunk.toString();
    });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Sets up, and returns when the load is ready to go. */
  static async start(program: string, measure: LoadMeasure, peer: RunningPeer, options: LoadOptions): Promise<Load> {
    const { pairs = 1, inFlight = 1, count = 1, seconds = 1, pause = 0, cpus } = options;
    const load = new Load(program, [
      measure,
      ...peer.way,
      ...flags({ pairs, "in-flight": inFlight, count, seconds, pause, "first-id": ++runs * IDS_PER_RUN }),
      ...(cpus === undefined ? [] : flags({ "a-cpu": cpus[0], "b-cpu": cpus[1] })),
    ]);
    await load.#line();
    return load;
  }

  /** Measures, and returns what the load reports. Nothing is closed yet. */
  async go<Report extends object>(): Promise<Report> {
    this.#child.stdin.write("go\n");
    return JSON.parse(await this.#line()) as Report;
  }

  /** Closes every connection. */
  async end(): Promise<void> {
    const over = new Promise<void>((resolve) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) resolve();
      else this.#child.once("exit", () => resolve());
    });
    this.#child.stdin.end("end\n");
    await within(over, "end", () => this.#child.kill("SIGKILL"));
  }

  async #line(): Promise<string> {
    const next = await within(this.#lines.next(), "answer", () => this.#child.kill("SIGKILL"));
    if (next.done === true) throw new Error(this.#complaint.trim() || "the load ended");
    return next.value;
  }
}

async function within<Value>(promise: Promise<Value>, what: string, kill: () => void): Promise<Value> {
  let late = false;
  const timeout = setTimeout(() => {
    late = true;
    kill();
  }, TIMEOUT_MS);
  const value = await promise.finally(() => clearTimeout(timeout));
  if (late) throw new Error(`the load did not ${what} within ${TIMEOUT_MS / 1000} s`);
  return value;
}
