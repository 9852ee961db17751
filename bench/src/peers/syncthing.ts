/** Syncthing's relay: devices are hashes of certificates; whoever knows one may ask for it. */
import { at, flags, launch, type Peer } from "../peer.ts";

/** Or it would end idle sessions. */
const PATIENT = { "ping-interval": "1h", "network-timeout": "2h", "message-timeout": "1m" };

export const syncthingPeer: Peer = {
  name: "strelaysrv",
  title: "syncthing strelaysrv",
  how: "no pool; a pair is two mTLS handshakes and two bare connections",
  program: "strelaysrv",
  authenticated: true,
  parks: true,
  quick: true,
  async start(ground) {
    const port = await ground.freePort();
    const directory = ground.makeDirectory("strelaysrv");
    return await launch({
      name: "strelaysrv",
      command: "strelaysrv",
      args: flags(
        { listen: at(port), protocol: "tcp4", keys: directory, pools: "", "status-srv": "", ...PATIENT },
        "-",
      ),
      directory,
      way: ["syncthing", "--relay", at(port)],
      ready: port,
    });
  },
};
