/** Nothing between the ends: what the load itself can do. */
import { at, type Peer, tlsArguments } from "../peer.ts";

function direct(name: string, title: string, tls: boolean): Peer {
  return {
    name,
    title,
    how: tls ? "the load's two ends, mTLS between them, nothing else" : "the load's two ends, nothing between them",
    program: null,
    authenticated: false,
    parks: false,
    mostIdle: 0,
    quick: true,
    async start(ground) {
      const address = at(await ground.freePort());
      const way = ["forward", "--relay", address, "--listen", address];
      return { pid: null, way: tls ? [...way, "--tls", ...tlsArguments(ground)] : way, stop: async () => {} };
    },
  };
}

export const directPeers: readonly Peer[] = [
  direct("direct", "direct loopback", false),
  direct("direct-tls", "direct loopback, mTLS", true),
];
