/** This relay, as an operator would run it: the daemon with its log on, functions verified by mTLS, one route. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Ground } from "../ground.ts";
import { at, launch, type Peer, tlsArguments } from "../peer.ts";

export const relaydBin = fileURLToPath(new URL("../../../apps/relayd/bin/relayd.js", import.meta.url));

/** relayd.yaml of a relay that serves f1 and f2, with limits that are in nobody's way. */
export function relayConfig(port: number, mode: string, { ca, identities }: Ground): string {
  return `listen: { shared: ${at(port)} }
tls: { cert: ${identities.relay.cert}, key: ${identities.relay.key}, ca: ${ca} }
control: { socket: run/relayd.sock }
state: { dir: state }
pairing: { wait: 15m, maxWait: 15m }
limits:
  connections: 15000
  handshakesPerAddress: 512 # everybody is on 127.0.0.1, and is one of two functions
  arrivalsPerAddress: 100000
  arrivalsPerFunction: 100000
  connectionsPerFunction: 15000
  parkedPerFunction: 15000
  parkedPerRoute: 15000
  sessions: 7500
  sessionsPerFunction: 7500
  sessionsPerRoute: 7500
splice: ${mode}
drain: { timeout: 1s }
routes: [ { between: [f1, f2] } ]
`;
}

function relay(name: string, title: string, how: string, mode: "kernel" | "stream", way: string): Peer {
  return {
    name,
    title,
    how,
    program: null,
    authenticated: true,
    parks: true,
    quick: name !== "relay-stream",
    closely: name !== "relay-stream",
    async start(ground) {
      const port = await ground.freePort();
      const directory = ground.makeDirectory(name);
      const file = join(directory, "relayd.yaml");
      writeFileSync(file, relayConfig(port, mode, ground));
      return await launch({
        name,
        command: relaydBin, // by its first line, as users start it: that has a flag for V8
        args: ["--config", file],
        directory,
        way: [way, "--relay", at(port), ...tlsArguments(ground)],
        ready: /"msg":"ready"/,
      });
    },
  };
}

export const relayPeers: readonly Peer[] = [
  relay("relay-raw", "this relay, raw", "splice: kernel, 1 thread; mTLS, then detached", "kernel", "connect-raw"),
  relay("relay-stream", "this relay, raw by streams", "splice: stream; mTLS, then detached", "stream", "connect-raw"),
  relay("relay-tls", "this relay, tls", "the outer mTLS stays", "kernel", "connect-tls"),
];
