/** The least that a relay can cost: epoll and splice in C, and a naive one in Node. Both verify nobody. */
import { fileURLToPath } from "node:url";
import { at, launch, type Peer } from "../peer.ts";

const nodeRelay = fileURLToPath(new URL("./node-pipe/relay.ts", import.meta.url));

export const referencePeer: Peer = {
  name: "reference",
  title: "C reference",
  how: "bench/native/reference-relay.c: one thread, edge-triggered epoll, splice through 1 MiB pipes",
  program: null,
  authenticated: false,
  parks: false,
  quick: true,
  closely: true,
  async start(ground) {
    const port = await ground.freePort();
    return await launch({
      name: "reference",
      command: ground.native.reference,
      args: [String(port)],
      directory: ground.makeDirectory("reference"),
      way: ["consecutive", "--relay", at(port)],
      ready: /^ready/,
    });
  },
};

export const nodePipePeer: Peer = {
  name: "node-pipe",
  title: "Node pipe()",
  how: `a.pipe(b); b.pipe(a), Node ${process.versions.node}`,
  program: null,
  authenticated: false,
  parks: false,
  quick: false,
  async start(ground) {
    const port = await ground.freePort();
    return await launch({
      name: "node-pipe",
      command: process.execPath,
      args: [nodeRelay, String(port)],
      directory: ground.makeDirectory("node-pipe"),
      way: ["consecutive", "--relay", at(port)],
      ready: /^ready/,
    });
  },
};
