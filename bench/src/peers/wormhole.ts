/** magic-wormhole's transit relay, on Twisted: who knows the token is let in. */
import { at, launch, type Peer } from "../peer.ts";

export const wormholePeer: Peer = {
  name: "wormhole",
  title: "magic-wormhole transit relay",
  how: "Twisted; a token, no TLS",
  program: "twistd3",
  authenticated: false,
  parks: true,
  quick: false,
  async start(ground) {
    const port = await ground.freePort();
    const directory = ground.makeDirectory("wormhole");
    return await launch({
      name: "wormhole",
      command: "twistd3",
      args: ["--nodaemon", "--pidfile=", "transitrelay", `--port=tcp:${port}:interface=127.0.0.1:backlog=4096`],
      directory,
      way: ["wormhole", "--relay", at(port)],
      ready: port,
    });
  },
};
