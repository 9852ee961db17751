export { Claims, type Grant, type Self, type Waiter } from "./claims.ts";
export { type HopFailure, hopFailureOf, PeerDialer } from "./dial-peer.ts";
export { type KvRoute, KvRoutes, type RouteChange } from "./kv-routes.ts";
export { NatsBus } from "./nats-bus.ts";
export { connectNats, type NatsOptions, NatsUnreachable } from "./nats-connection.ts";
export { peerPlaceOf, placeOf } from "./places.ts";
export { Presence } from "./presence.ts";
export { type RelaySummary, RollCall } from "./roll-call.ts";
