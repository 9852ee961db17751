/** Two sidecars and a relay between them: f2's exposes a program, f1's takes others to it. */
import { Running } from "./programs.ts";
import { type FunctionFiles, RunningRelay } from "./running-relay.ts";

export interface SidecarOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What the SDK's `fromEnv` reads. */
export function environmentOf(relay: RunningRelay, self: FunctionFiles): Record<string, string> {
  const { certFile, keyFile, caFile } = self;
  return { RELAY: `localhost:${relay.port}`, FUNCTION_CERT: certFile, FUNCTION_KEY: keyFile, FUNCTION_CA: caFile };
}

export class Sidecars {
  readonly relay: RunningRelay;
  readonly f1: FunctionFiles;
  readonly f2: FunctionFiles;
  readonly #running: Running[] = [];

  private constructor(relay: RunningRelay, f1: FunctionFiles, f2: FunctionFiles) {
    this.relay = relay;
    this.f1 = f1;
    this.f2 = f2;
  }

  static async start(options: Parameters<typeof RunningRelay.start>[0] = {}): Promise<Sidecars> {
    const relay = await RunningRelay.start({ routes: [["f1", "f2"]], ...options });
    return new Sidecars(relay, await relay.issue("f1"), await relay.issue("f2"));
  }

  /** Resolves once connections of f2's are parked at the relay. */
  async expose(to: string, { args = [], env = {} }: SidecarOptions = {}): Promise<Running> {
    const sidecar = Running.start("relay-sidecar", ["expose", "--peer", "f1", "--to", to, ...args], {
      env: { ...environmentOf(this.relay, this.f2), ...env },
    });
    this.#running.push(sidecar);
    await sidecar.line(/"msg":"parked at the relay"/);
    return sidecar;
  }

  /** Resolves once it listens; says where. */
  async forward(
    listen = "127.0.0.1:0",
    { args = [], env = {} }: SidecarOptions = {},
  ): Promise<{ sidecar: Running; port: number }> {
    const sidecar = Running.start("relay-sidecar", ["forward", "--peer", "f2", "--listen", listen, ...args], {
      env: { ...environmentOf(this.relay, this.f1), ...env },
    });
    this.#running.push(sidecar);
    const line = await sidecar.line(/"msg":"listening"/);
    return { sidecar, port: Number(/:(\d+)"/.exec(line)?.[1]) };
  }

  /** Both sides at once: the port at which the program at `to` is found. */
  async connect(to: string): Promise<number> {
    await this.expose(to);
    return (await this.forward()).port;
  }

  /** Stops everything. Fails if a sidecar that still runs does not end well, or anything is left. */
  async finish(): Promise<void> {
    const running = this.#running.filter(({ isOver }) => !isOver);
    const codes = await Promise.all(running.map((sidecar) => sidecar.stop()));
    const log = running.map(({ lines }, index) => `ended with ${codes[index]}:\n${lines.join("\n")}`).join("\n");
    try {
      if (codes.some((code) => code !== 0)) throw new Error(`a sidecar did not end well; they ${log}`);
      await this.relay.finish();
    } finally {
      if (this.relay.isRunning) await this.relay.stop();
    }
  }
}
