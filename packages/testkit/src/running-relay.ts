/** A relayd in a temporary directory of its own, with a CA of its own: what most end-to-end tests begin with. */
import { rmSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ControlEvent, Status } from "@serverless-relay/control-api";
import { ControlClient } from "@serverless-relay/control-api/client";
import { type Authority, createAuthority } from "@serverless-relay/pki";
import { atExit } from "./at-exit.ts";
import type { ClientCredentials } from "./outer-client.ts";
import { commandOf, type Finished, Running, run } from "./programs.ts";
import { connectionsOf } from "./tcp-connections.ts";
import { until } from "./until.ts";

/** A function's certificate and key: the texts, and the files that hold them. */
export interface FunctionFiles extends Required<ClientCredentials> {
  /** the first of its names */
  readonly name: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

export interface RelayOptions {
  /** added to relayd.yaml, as it is */
  readonly yaml?: string;
  /** the shared listener; default: any free port of loopback */
  readonly shared?: string;
  /** the lines under `listen:` besides `shared` */
  readonly listen?: string;
  /** the keys of `tls:` besides `cert`, `key` and `ca`: "crl: crl.pem" */
  readonly tls?: string;
  /** of the shared listener, to be the same after a restart; default: any free one */
  readonly port?: number;
  /** the CA of the functions and of the relay; default: one of its own */
  readonly authority?: Authority;
  /** the directory of the route store; default: one within the relay's own */
  readonly state?: string;
  /** how long sessions may go on once relayd is told to stop; default 1s */
  readonly drain?: string;
  /** a command that starts relayd in its own place, with limits or as another user: ["prlimit", "--nofile=128"] */
  readonly under?: readonly string[];
  /** routes that are added with relayctl once it runs */
  readonly routes?: readonly (readonly [string, string])[];
}

/** It takes a second; on a machine that has much else to do, more. */
const READY_MS = 60_000;

export class RunningRelay {
  readonly directory: string;
  readonly authority: Authority;
  readonly control: ControlClient;
  readonly socket: string;
  /** of the shared listener */
  port = 0;
  /** what relayd is started with besides this process's own environment */
  environment: Readonly<Record<string, string>> = {};
  readonly #under: readonly string[];
  #process: Running | null = null;
  readonly #directoryIsGone: () => void;

  private constructor(directory: string, authority: Authority, under: readonly string[]) {
    this.#under = under;
    this.directory = directory;
    this.#directoryIsGone = atExit(() => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
    this.authority = authority;
    this.socket = join(directory, "run", "relayd.sock");
    this.control = new ControlClient({ socket: this.socket });
  }

  /** Makes the directory with certificates and relayd.yaml, and starts nothing yet. */
  static async prepare(options: RelayOptions = {}): Promise<RunningRelay> {
    const directory = await mkdtemp(join(tmpdir(), "relay-test-"));
    const authority = options.authority ?? (await createAuthority({ commonName: "relay test" }));
    const relay = new RunningRelay(directory, authority, options.under ?? []);
    const identity = await authority.issueRelay({ hosts: ["localhost", "127.0.0.1"] });
    await relay.write("ca.pem", authority.certPem);
    await relay.write("relay.pem", identity.certPem);
    await relay.write("relay.key", identity.keyPem);
    await relay.write("relayd.yaml", configText(options));
    return relay;
  }

  static async start(options: RelayOptions = {}): Promise<RunningRelay> {
    const relay = await RunningRelay.prepare(options);
    await relay.boot();
    for (const [f1, f2] of options.routes ?? []) await relay.control.addRoute({ f1, f2 });
    return relay;
  }

  get isRunning(): boolean {
    return this.#process !== null && !this.#process.isOver;
  }

  get process(): Running {
    if (this.#process === null) throw new Error("relayd does not run");
    return this.#process;
  }

  /** Starts relayd, and waits until it says that it is ready. */
  async boot(): Promise<void> {
    const args = ["--config", join(this.directory, "relayd.yaml")];
    const [command = "", ...rest] = [...this.#under, ...commandOf("relayd"), ...args];
    this.#process = Running.startCommand(command, rest, { cwd: this.directory, env: this.environment });
    await this.#process.line(/"msg":"ready"/, READY_MS);
    const status = await this.status();
    this.port = status.listeners.find(({ name }) => name === "shared")?.port ?? 0;
  }

  status(): Promise<Status> {
    return this.control.status();
  }

  /** Runs relayd in the directory until it ends by itself. */
  relayd(...args: string[]): Promise<Finished> {
    return run("relayd", args, { cwd: this.directory });
  }

  /** Runs relayctl against this relayd. */
  relayctl(...args: string[]): Promise<Finished> {
    return run("relayctl", args, { cwd: this.directory, env: { RELAYD_SOCKET: this.socket, NO_COLOR: "1" } });
  }

  /** Issues a certificate for a function that bears `names`; its files are called after the first. */
  async issue(...names: string[]): Promise<FunctionFiles> {
    const { certPem, keyPem } = await this.authority.issueFunction({ names });
    return this.keep(names[0] ?? "function", certPem, keyPem);
  }

  /** Writes a certificate and its key into the directory. */
  async keep(name: string, cert: string, key: string): Promise<FunctionFiles> {
    const base = encodeURIComponent(name);
    return {
      name,
      cert,
      key,
      ca: this.authority.certPem,
      certFile: await this.write(`${base}.pem`, cert),
      keyFile: await this.write(`${base}.key`, key),
      caFile: join(this.directory, "ca.pem"),
    };
  }

  /** The log's entries so far: one object a line. */
  log(): ControlEvent[] {
    return this.process.lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as ControlEvent);
  }

  /** The first entry of the log, there already or yet to come, of this event and with these fields. */
  async logged(event: string, fields: Readonly<Record<string, string | number>> = {}): Promise<ControlEvent> {
    const parts = Object.entries({ event, ...fields }).map(([key, value]) => `(?=.*"${key}":${JSON.stringify(value)})`);
    return JSON.parse(await this.process.line(new RegExp(`^${parts.join("")}`))) as ControlEvent;
  }

  /** Resolves once relayd holds no connection of a function any more; `own`: how many it has besides. */
  async quiet({ own = 0 } = {}): Promise<void> {
    await until("relayd lets go of every connection", async () => (await connectionsOf(this.process.pid)) === own);
  }

  /** Ends relayd without a chance to do anything about it. */
  async crash(): Promise<void> {
    await this.process.stop("SIGKILL");
  }

  /** Stops relayd, and checks that it left nothing behind; the directory stays. Fails if it did not end well. */
  async halt(): Promise<void> {
    const code = await this.process.stop();
    if (code !== 0) throw new Error(`relayd ended with ${code}:\n${this.process.lines.join("\n")}`);
    const left = await readdir(dirname(this.socket));
    if (left.length > 0) throw new Error(`relayd left behind, next to its control socket: ${left.join(", ")}`);
  }

  /** Stops relayd, checks that it left nothing behind, and removes the directory. Fails if it did not end well. */
  async stop(): Promise<void> {
    try {
      await this.halt();
    } finally {
      await this.discard();
    }
  }

  /** The end of most tests: their clients have gone, and so has whatever relayd held for them; then it is stopped. */
  async finish(): Promise<void> {
    try {
      await this.quiet();
    } finally {
      await this.stop();
    }
  }

  /** Removes the directory of a relayd that does not run. */
  async discard(): Promise<void> {
    await rm(this.directory, { recursive: true });
    this.#directoryIsGone();
  }

  /** The text of a file of the directory. */
  read(name: string): Promise<string> {
    return readFile(join(this.directory, name), "utf8");
  }

  async write(name: string, content: string): Promise<string> {
    const path = join(this.directory, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  }
}

function configText({
  shared,
  yaml = "",
  listen = "",
  tls = "",
  state = "state",
  drain = "1s",
  port = 0,
}: RelayOptions): string {
  return `listen:
  shared: ${shared ?? `127.0.0.1:${port}`}
${listen}
tls: { cert: relay.pem, key: relay.key, ca: ca.pem${tls && `, ${tls}`} }
control: { socket: run/relayd.sock }
state: { dir: ${state} }
drain: { timeout: ${drain} }
${yaml}
`;
}
