/** HAProxy in TCP mode: splicing with two sizes of pipe, and ending mTLS on both sides. One thread, as this relay has. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Ground } from "../ground.ts";
import { at, forwardWay, launch, type Peer, tlsArguments } from "../peer.ts";

export interface Variant {
  readonly pipeBytes: number | null;
  readonly tls: boolean;
}

export function config(
  listen: number,
  target: number,
  { pipeBytes, tls }: Variant,
  { ca, identities }: Ground,
): string {
  const front = tls ? ` ssl crt ${identities.relay.both} ca-file ${ca} verify required no-tls-tickets` : "";
  const back = tls
    ? ` ssl crt ${identities.proxy.both} ca-file ${ca} verify required verifyhost f2 no-ssl-reuse no-tls-tickets`
    : "";
  return `global
  maxconn 6000
  maxpipes 500
  nbthread 1
  tune.ssl.cachesize 0
  ssl-default-bind-options ssl-min-ver TLSv1.3
  ssl-default-server-options ssl-min-ver TLSv1.3
  ${pipeBytes === null ? "" : `tune.pipesize ${pipeBytes}`}
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  option splice-request
  option splice-response
frontend f
  bind ${at(listen)}${front}
  default_backend b
backend b
  server b ${at(target)}${back}
`;
}

function haproxy(name: string, title: string, how: string, quick: boolean, variant: Variant): Peer {
  return {
    name,
    title,
    how,
    program: "haproxy",
    authenticated: variant.tls,
    parks: false,
    quick,
    async start(ground) {
      const [port, target] = [await ground.freePort(), await ground.freePort()];
      const directory = ground.makeDirectory(name);
      const file = join(directory, "haproxy.cfg");
      writeFileSync(file, config(port, target, variant, ground));
      return await launch({
        name,
        command: "haproxy",
        args: ["-db", "-f", file],
        directory,
        way: [...forwardWay(port, target), ...(variant.tls ? ["--tls", ...tlsArguments(ground)] : [])],
        ready: port,
      });
    },
  };
}

export const haproxyPeers: readonly Peer[] = [
  haproxy("haproxy-1m", "HAProxy, 1 MiB pipes", "splice-request, splice-response, tune.pipesize 1 MiB", true, {
    pipeBytes: 1 << 20,
    tls: false,
  }),
  haproxy("haproxy-64k", "HAProxy, 64 KiB pipes", "splice-request, splice-response, pipes as they come", false, {
    pipeBytes: null,
    tls: false,
  }),
  haproxy("haproxy-mtls", "HAProxy, mTLS", "ends mTLS on both sides, no resumption", false, {
    pipeBytes: null,
    tls: true,
  }),
];
