/** The rows of the table, in its order. */
import type { Peer } from "../peer.ts";
import { brokerPeers } from "./brokers.ts";
import { directPeers } from "./direct.ts";
import { haproxyPeers } from "./haproxy.ts";
import { nginxPeers } from "./nginx.ts";
import { nodePipePeer, referencePeer } from "./reference.ts";
import { relayPeers } from "./relayd.ts";
import { socatPeer } from "./socat.ts";
import { syncthingPeer } from "./syncthing.ts";
import { wormholePeer } from "./wormhole.ts";

export const peers: readonly Peer[] = [
  ...directPeers,
  referencePeer,
  ...relayPeers,
  nodePipePeer,
  ...haproxyPeers,
  ...nginxPeers,
  socatPeer,
  syncthingPeer,
  wormholePeer,
  ...brokerPeers,
];
