/** A NATS server, and several relayd that are one cluster, on loopback and in directories of their own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Authority, createAuthority } from "@serverless-relay/pki";
import {
  type FunctionFiles,
  type ReservedPorts,
  Running,
  RunningRelay,
  reservePorts,
  until,
} from "@serverless-relay/testkit";

export interface ClusterOptions {
  readonly relays: number;
  readonly routes?: readonly (readonly [string, string])[];
  /** added to each relayd.yaml */
  readonly yaml?: string;
}

const MOST_RELAYS = 8;

export class RunningCluster {
  readonly relays: RunningRelay[] = [];
  readonly authority: Authority;
  readonly #peers: Authority;
  readonly #ports: ReservedPorts;
  readonly #natsDir: string;
  readonly #yaml: string;
  nats: Running | null = null;
  #started = 0;

  private constructor(authority: Authority, peers: Authority, ports: ReservedPorts, natsDir: string, yaml: string) {
    this.authority = authority;
    this.#peers = peers;
    this.#ports = ports;
    this.#natsDir = natsDir;
    this.#yaml = yaml;
  }

  static async start({ relays, routes = [], yaml = "" }: ClusterOptions): Promise<RunningCluster> {
    const authority = await createAuthority({ commonName: "functions" });
    const peers = await createAuthority({ commonName: "relays" });
    const natsDir = await mkdtemp(join(tmpdir(), "relay-nats-"));
    const cluster = new RunningCluster(authority, peers, await reservePorts(1 + 2 * MOST_RELAYS), natsDir, yaml);
    await cluster.startNats();
    for (let index = 0; index < relays; index++) await cluster.addRelay();
    for (const [f1, f2] of routes) await cluster.addRoute(f1, f2);
    return cluster;
  }

  /** At the same port, with the same data, as before. */
  async startNats(): Promise<void> {
    const args = ["-a", "127.0.0.1", "-p", String(this.#ports.first), "-js", "-sd", this.#natsDir];
    this.nats = Running.startCommand("nats-server", args);
    await this.nats.line(/Server is ready/);
  }

  async stopNats(): Promise<void> {
    await this.nats?.stop();
    this.nats = null;
  }

  async addRelay(): Promise<RunningRelay> {
    const port = this.#ports.first + ++this.#started;
    const relay = await RunningRelay.prepare({
      port: port + MOST_RELAYS,
      authority: this.authority,
      yaml: `${this.#yaml}
cluster:
  name: test
  nats: { servers: [nats://127.0.0.1:${this.#ports.first}] }
  advertise: 127.0.0.1:${port}
  peerListen: 127.0.0.1:${port}
  tls: { cert: peer.pem, key: peer.key, ca: peers-ca.pem }
`,
    });
    const identity = await this.#peers.issue({
      ips: ["127.0.0.1"],
      dnsNames: ["localhost"],
      usages: ["clientAuth", "serverAuth"],
    });
    await relay.write("peer.pem", identity.certPem);
    await relay.write("peer.key", identity.keyPem);
    await relay.write("peers-ca.pem", this.#peers.certPem);
    await relay.boot();
    this.relays.push(relay);
    return relay;
  }

  /** kill -9; it is forgotten. */
  async kill(index: number): Promise<void> {
    const [relay] = this.relays.splice(index, 1);
    await relay?.crash();
    await relay?.discard();
  }

  /** Resolves once every relay knows it. */
  async addRoute(f1: string, f2: string): Promise<void> {
    await this.relay(0).control.addRoute({ f1, f2 });
    await until(`all relays know the route ${f1} ${f2}`, async () => {
      const known = this.relays.map(async ({ control }) =>
        (await control.listRoutes()).some((route) => route.f1 === f1 && route.f2 === f2),
      );
      return (await Promise.all(known)).every(Boolean);
    });
  }

  /** What a relay shows to another. */
  async peerIdentity(): Promise<{ cert: string; key: string }> {
    const names = { ips: ["127.0.0.1"], dnsNames: ["localhost"] };
    const { certPem, keyPem } = await this.#peers.issue({ ...names, usages: ["clientAuth", "serverAuth"] });
    return { cert: certPem, key: keyPem };
  }

  get peersCa(): string {
    return this.#peers.certPem;
  }

  /** Of the relay that was started so many before. */
  peerPort(index: number): number {
    return this.#ports.first + 1 + index;
  }

  relay(index: number): RunningRelay {
    const relay = this.relays[index];
    if (relay === undefined) throw new Error(`there is no relay ${index}`);
    return relay;
  }

  /** Issues a certificate that is good at every relay. */
  issue(...names: string[]): Promise<FunctionFiles> {
    return this.relay(0).issue(...names);
  }

  /** Stops all of it, and checks that nothing is left behind. */
  async stop(): Promise<void> {
    try {
      for (const relay of this.relays) await (relay.isRunning ? relay.stop() : relay.discard());
    } finally {
      await this.stopNats();
      await rm(this.#natsDir, { recursive: true });
      await this.#ports.release();
    }
  }
}
