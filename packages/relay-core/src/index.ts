export type { Credentials } from "./admission/tls-server.ts";
export type { EndOfSession, EndTransport, Observer, RelayEvent } from "./events.ts";
export { type Route, routeKey } from "./pairing/routes.ts";
export { type Entrance, type LiveSession, type Parked, Relay, type RelayLimits, type RelayOptions } from "./relay.ts";
export { type OpenedPlane, openDataPlane } from "./splice/open-plane.ts";
export type { CloseReason, DataPlane } from "./splice/plane.ts";
export { StreamPlane } from "./splice/stream/plane.ts";
