/** nginx's stream module: plain, and ending mTLS on both sides. One worker, which is its default. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Ground } from "../ground.ts";
import { at, forwardWay, launch, type Peer, tlsArguments } from "../peer.ts";

/** Debian ships the stream module by itself; elsewhere it may be compiled in. */
const STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so";

function config(listen: number, target: number, tls: boolean, directory: string, { ca, identities }: Ground): string {
  const { relay, proxy } = identities;
  const secured = `
    ssl_certificate ${relay.cert}; ssl_certificate_key ${relay.key};
    ssl_client_certificate ${ca}; ssl_verify_client on;
    ssl_protocols TLSv1.3; ssl_session_cache off; ssl_session_tickets off;
    proxy_ssl on; proxy_ssl_certificate ${proxy.cert}; proxy_ssl_certificate_key ${proxy.key};
    proxy_ssl_trusted_certificate ${ca}; proxy_ssl_verify on; proxy_ssl_name f2;
    proxy_ssl_protocols TLSv1.3; proxy_ssl_session_reuse off;`;
  return `${existsSync(STREAM_MODULE) ? `load_module ${STREAM_MODULE};` : ""}
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log warn;
events { worker_connections 16000; }
stream {
  upstream other { server ${at(target)} max_fails=0; }
  server {
    listen ${at(listen)}${tls ? " ssl" : ""} backlog=4096;
    proxy_pass other;
    proxy_timeout 1h;
    tcp_nodelay on;${tls ? secured : ""}
  }
}
`;
}

function nginx(name: string, title: string, how: string, tls: boolean): Peer {
  return {
    name,
    title,
    how,
    program: "nginx",
    authenticated: tls,
    parks: false,
    quick: tls,
    async start(ground) {
      const [port, target] = [await ground.freePort(), await ground.freePort()];
      const directory = ground.makeDirectory(name);
      const file = join(directory, "nginx.conf");
      writeFileSync(file, config(port, target, tls, directory, ground));
      return await launch({
        name,
        command: "nginx",
        args: ["-p", directory, "-e", join(directory, "error.log"), "-c", file],
        directory,
        way: [...forwardWay(port, target), ...(tls ? ["--tls", ...tlsArguments(ground)] : [])],
        ready: port,
      });
    },
  };
}

export const nginxPeers: readonly Peer[] = [
  nginx("nginx", "nginx stream", "one worker", false),
  nginx("nginx-mtls", "nginx stream, mTLS", "one worker, ends mTLS on both sides, no resumption", true),
];
