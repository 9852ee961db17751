/** A NATS server, relays that are one cluster by way of it, and a relay on its own: on loopback, as operators would run them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAuthority } from "@serverless-relay/pki";
import type { Ground } from "../ground.ts";
import { at, launch, type RunningPeer } from "../peer.ts";
import { relayConfig, relaydBin } from "../peers/relayd.ts";
import { collectable, collectGarbage } from "./garbage.ts";

export interface FleetRelay {
  readonly pid: number;
  readonly address: string;
  collectGarbage(): Promise<void>;
}

/** What NATS has counted since it began, and how many subscriptions it has. */
export interface NatsCounts {
  readonly messages: number;
  readonly bytes: number;
  readonly subscriptions: number;
}

export class Fleet {
  readonly relays: readonly FleetRelay[];
  /** in no cluster */
  readonly alone: FleetRelay;
  readonly natsPid: number;
  readonly #monitor: number;
  readonly #running: readonly RunningPeer[];

  private constructor(started: readonly Started[], alone: Started, nats: RunningPeer, monitor: number) {
    this.relays = started;
    this.alone = alone;
    this.natsPid = pidOf(nats);
    this.#monitor = monitor;
    this.#running = [...[...started, alone].map(({ running }) => running), nats];
  }

  static async start(ground: Ground, size: number): Promise<Fleet> {
    const [port, monitor] = [await ground.freePort(), await ground.freePort()];
    const nats = await startNats(ground, port, monitor);
    const peers = await writePeerFiles(ground);
    const started: Started[] = [];
    for (let index = 0; index < size; index++) {
      started.push(await startRelay(ground, `relay-${index}`, clusterConfig(port, await ground.freePort(), peers)));
    }
    return new Fleet(started, await startRelay(ground, "alone", ""), nats, monitor);
  }

  async natsCounts(): Promise<NatsCounts> {
    const answer = await fetch(`http://${at(this.#monitor)}/varz`);
    const counts = (await answer.json()) as Record<
      "in_msgs" | "out_msgs" | "in_bytes" | "out_bytes" | "subscriptions",
      number
    >;
    return {
      messages: counts.in_msgs + counts.out_msgs,
      bytes: counts.in_bytes + counts.out_bytes,
      subscriptions: counts.subscriptions,
    };
  }

  async stop(): Promise<void> {
    for (const peer of this.#running) await peer.stop();
  }
}

interface Started extends FleetRelay {
  readonly running: RunningPeer;
}

interface PeerFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

function startNats(ground: Ground, port: number, monitor: number): Promise<RunningPeer> {
  const directory = ground.makeDirectory("nats");
  const args = ["-a", "127.0.0.1", "-p", String(port), "-m", String(monitor), "-js", "-sd", join(directory, "data")];
  return launch({ name: "nats", command: "nats-server", args, directory, way: [], ready: /Server is ready/ });
}

/** A CA of the relays' own; one certificate will do for all, for they are all on loopback. */
async function writePeerFiles(ground: Ground): Promise<PeerFiles> {
  const directory = ground.makeDirectory("peers");
  const authority = await createAuthority({ commonName: "relays" });
  const identity = await authority.issue({
    ips: ["127.0.0.1"],
    dnsNames: ["localhost"],
    usages: ["clientAuth", "serverAuth"],
  });
  const write = (name: string, text: string) => {
    const path = join(directory, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  return {
    cert: write("peer.pem", identity.certPem),
    key: write("peer.key", identity.keyPem),
    ca: write("ca.pem", authority.certPem),
  };
}

function clusterConfig(nats: number, port: number, { cert, key, ca }: PeerFiles): string {
  return `cluster:
  name: bench
  nats: { servers: [nats://${at(nats)}] }
  advertise: ${at(port)}
  peerListen: ${at(port)}
  tls: { cert: ${cert}, key: ${key}, ca: ${ca} }
`;
}

async function startRelay(ground: Ground, name: string, more: string): Promise<Started> {
  const port = await ground.freePort();
  const directory = ground.makeDirectory(name);
  const file = join(ground.makeDirectory(`${name}-etc`), "relayd.yaml"); // relayd watches the directory, and its log is in the other one
  writeFileSync(file, `${relayConfig(port, "kernel", ground)}${more}`);
  const inspected = await ground.freePort();
  const [command, ...args] = [...collectable(inspected), relaydBin, "--config", file];
  const running = await launch({ name, command, args, directory, way: [], ready: /"msg":"ready"/ });
  return { pid: pidOf(running), address: at(port), collectGarbage: () => collectGarbage(inspected), running };
}

function pidOf({ pid }: RunningPeer): number {
  if (pid === null) throw new Error("it was started, so it has a process");
  return pid;
}
