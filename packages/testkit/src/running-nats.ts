/** NATS servers with JetStream, of Debian's package: one, or three that are a NATS cluster; on ports and data of their own. */
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atExit } from "./at-exit.ts";
import { type ReservedPorts, reservePorts } from "./ports.ts";
import { Running } from "./programs.ts";
import { until } from "./until.ts";

export interface NatsOptions {
  /** default 1 */
  readonly servers?: 1 | 3;
  /** a command that starts each in its own place: ["nsenter", …]; default: none */
  readonly under?: readonly string[];
  /** what they listen on; default loopback */
  readonly host?: string;
  /** path of a configuration file: who may connect, and whatever is not said here; read at each start */
  readonly config?: string;
}

type Options = Required<Omit<NatsOptions, "config">> & Pick<NatsOptions, "config">;

/** Past the election of a leader, which takes a few seconds when all of them have just begun. */
const READY_MS = 30_000;

export class RunningNats {
  /** as a configuration lists them */
  readonly urls: readonly string[];
  readonly #directory: string;
  readonly #ports: ReservedPorts;
  readonly #options: Options;
  readonly #running: (Running | null)[];
  readonly #directoryIsGone: () => void;

  private constructor(directory: string, ports: ReservedPorts, options: Options) {
    this.#directory = directory;
    this.#directoryIsGone = atExit(() => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
    this.#ports = ports;
    this.#options = options;
    this.#running = Array.from({ length: options.servers }, () => null);
    this.urls = this.#running.map((_, index) => `nats://${options.host}:${ports.first + index}`);
  }

  static async start(options: NatsOptions = {}): Promise<RunningNats> {
    const directory = await mkdtemp(join(tmpdir(), "relay-nats-"));
    const full: Options = { servers: 1, under: [], host: "127.0.0.1", ...options };
    const nats = new RunningNats(directory, await reservePorts(2 * full.servers), full);
    await nats.boot();
    return nats;
  }

  get size(): number {
    return this.#running.length;
  }

  /** Process ids of those that run. */
  get pids(): number[] {
    return this.#running.flatMap((server) => server?.pid ?? []);
  }

  /** Starts those that do not run, with the data that they had. Resolves once JetStream is there. */
  async boot(): Promise<void> {
    const started = this.#running.map((server, index) => server ?? this.#start(index));
    for (const [index, server] of started.entries()) this.#running[index] = server;
    await Promise.all(started.map((server) => server.line(/Server is ready/, READY_MS)));
    if (this.size === 1) return;
    await until("a leader is there", () => started.some((server) => server.lines.some(isElection)), READY_MS);
  }

  /** All of them, or one. SIGKILL gives it no chance to do anything about it. */
  async halt(which?: number, signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const some = which === undefined ? [...this.#running.keys()] : [which];
    await Promise.all(
      some.map(async (index) => {
        await this.#running[index]?.stop(signal);
        this.#running[index] = null;
      }),
    );
  }

  /** Ends all of it, and removes the data. */
  async stop(): Promise<void> {
    await this.halt();
    await rm(this.#directory, { recursive: true });
    this.#directoryIsGone();
    await this.#ports.release();
  }

  #start(index: number): Running {
    const { under, host, servers, config } = this.#options;
    const port = this.#ports.first + index;
    const own = ["-a", host, "-p", String(port), "-js", "-sd", join(this.#directory, String(index))];
    const among = servers === 1 ? [] : this.#clusterArguments(index);
    const further = config === undefined ? [] : ["-c", config];
    const [command = "", ...args] = [...under, "nats-server", ...own, ...among, ...further];
    return Running.startCommand(command, args);
  }

  #clusterArguments(index: number): string[] {
    const { host, servers } = this.#options;
    const url = (which: number) => `nats://${host}:${this.#ports.first + servers + which}`;
    const all = this.#running.map((_, which) => url(which)).join(",");
    return ["-n", `n${index}`, "--cluster_name", "relays", "--cluster", url(index), "--routes", all];
  }
}

function isElection(line: string): boolean {
  return line.includes("JetStream cluster new metadata leader");
}
