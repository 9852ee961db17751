/** Message brokers, which people use for want of a relay: each end subscribes, the other publishes, 64 KiB a message. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Ground } from "../ground.ts";
import { at, flags, launch, type Peer, tlsArguments } from "../peer.ts";

function natsConfig(port: number, tls: boolean, { ca, identities }: Ground): string {
  const { cert, key } = identities.relay;
  return `listen: "${at(port)}"
ping_interval: "1h"
${tls ? `tls { cert_file: "${cert}", key_file: "${key}", ca_file: "${ca}", verify: true, timeout: 10 }` : ""}
`;
}

function nats(name: string, title: string, how: string, tls: boolean): Peer {
  return {
    name,
    title,
    how,
    program: "nats-server",
    authenticated: tls,
    parks: true,
    quick: tls,
    async start(ground) {
      const port = await ground.freePort();
      const directory = ground.makeDirectory(name);
      const file = join(directory, "nats.conf");
      writeFileSync(file, natsConfig(port, tls, ground));
      return await launch({
        name,
        command: "nats-server",
        args: ["-c", file],
        directory,
        way: ["nats", "--relay", at(port), ...(tls ? ["--tls", ...tlsArguments(ground)] : [])],
        ready: port,
      });
    },
  };
}

const REDIS = {
  daemonize: "no",
  save: "",
  appendonly: "no",
  maxclients: 15_000,
  "tcp-backlog": 4096,
  "client-output-buffer-limit": "pubsub 0 0 0",
};

const redis: Peer = {
  name: "redis",
  title: "Redis pub/sub",
  how: "no persistence, no limit of a subscriber's buffer; 64 KiB messages",
  program: "redis-server",
  authenticated: false,
  parks: true,
  quick: false,
  async start(ground) {
    const port = await ground.freePort();
    const directory = ground.makeDirectory("redis");
    return await launch({
      name: "redis",
      command: "redis-server",
      args: flags({ port, bind: "127.0.0.1", dir: directory, ...REDIS }),
      directory,
      way: ["redis", "--relay", at(port)],
      ready: port,
    });
  },
};

export const brokerPeers: readonly Peer[] = [
  nats("nats", "NATS pub/sub", "64 KiB messages, 8 MiB on the way at most", false),
  nats("nats-mtls", "NATS pub/sub, mTLS", "the same, each client verified", true),
  redis,
];
