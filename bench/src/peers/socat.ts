/** socat: a process for each session. */
import { at, forwardWay, launch, type Peer } from "../peer.ts";

export const socatPeer: Peer = {
  name: "socat",
  title: "socat",
  how: "TCP-LISTEN,fork: a process for each session, so 1,000 idle ones at most",
  program: "socat",
  authenticated: false,
  parks: false,
  mostIdle: 1_000,
  quick: false,
  async start(ground) {
    const [port, target] = [await ground.freePort(), await ground.freePort()];
    return await launch({
      name: "socat",
      command: "socat",
      args: [`TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr,nodelay,backlog=4096`, `TCP:${at(target)},nodelay`],
      directory: ground.makeDirectory("socat"),
      way: forwardWay(port, target),
      ready: port,
    });
  },
};
