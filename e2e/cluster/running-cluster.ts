/** NATS, and several relayd that are one cluster, on loopback and in directories of their own. */
import { type Authority, createAuthority } from "@serverless-relay/pki";
import {
  type FunctionFiles,
  type ReservedPorts,
  RunningNats,
  RunningRelay,
  reservePorts,
  until,
} from "@serverless-relay/testkit";
import type { Host, Network } from "./network.ts";

export interface ClusterOptions {
  readonly relays: number;
  readonly routes?: readonly (readonly [string, string])[];
  /** added to each relayd.yaml */
  readonly yaml?: string;
  /** default 1; each holds all routes */
  readonly natsServers?: 1 | 3;
  /** each relay on a host of this, and NATS `beside`; default: all on loopback */
  readonly network?: Network;
}

const MOST_RELAYS = 8;
const LOOPBACK: Host = { address: "127.0.0.1", under: [] };

export class RunningCluster {
  readonly relays: RunningRelay[] = [];
  readonly authority: Authority;
  readonly #peers: Authority;
  readonly #ports: ReservedPorts;
  readonly nats: RunningNats;
  readonly #options: ClusterOptions;
  #started = 0;

  private constructor(
    authorities: [Authority, Authority],
    ports: ReservedPorts,
    nats: RunningNats,
    options: ClusterOptions,
  ) {
    [this.authority, this.#peers] = authorities;
    this.#ports = ports;
    this.nats = nats;
    this.#options = options;
  }

  static async start(options: ClusterOptions): Promise<RunningCluster> {
    const { relays, routes = [], natsServers = 1, network } = options;
    const authority = await createAuthority({ commonName: "functions" });
    const peers = await createAuthority({ commonName: "relays" });
    const { address, under } = network?.beside ?? LOOPBACK;
    const nats = await RunningNats.start({ servers: natsServers, host: address, under });
    const cluster = new RunningCluster([authority, peers], await reservePorts(2 * MOST_RELAYS), nats, options);
    for (let index = 0; index < relays; index++) await cluster.addRelay();
    for (const [f1, f2] of routes) await cluster.addRoute(f1, f2);
    return cluster;
  }

  async addRelay(): Promise<RunningRelay> {
    const { yaml = "", network } = this.#options;
    const { address, under } = network?.hosts[this.#started] ?? LOOPBACK;
    const port = this.peerPort(this.#started++);
    const relay = await RunningRelay.prepare({
      shared: `${address}:${port + MOST_RELAYS}`,
      authority: this.authority,
      under,
      yaml: `${yaml}
cluster:
  name: test
  nats: { servers: [${this.nats.urls.join(", ")}], replicas: ${this.nats.size} }
  advertise: ${address}:${port}
  peerListen: ${address}:${port}
  tls: { cert: peer.pem, key: peer.key, ca: peers-ca.pem }
`,
    });
    const identity = await this.#peers.issue({
      ips: [address],
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
    return this.#ports.first + index;
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
      await this.nats.stop();
      await this.#ports.release();
    }
  }
}
