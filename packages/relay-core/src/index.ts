export type { Credentials } from "./admission/tls-server.ts";
export type { EndOfSession, EndTransport, Observer, RelayEvent } from "./events.ts";
export { type Route, routeKey } from "./pairing/routes.ts";
export { Relay } from "./relay.ts";
export type { Entrance, RelayLimits, RelayOptions } from "./relay-options.ts";
export type { LiveSession, Parked } from "./relay-view.ts";
export { type OpenedPlane, openDataPlane } from "./splice/open-plane.ts";
export type { CloseReason, DataPlane } from "./splice/plane.ts";
export { StreamPlane } from "./splice/stream/plane.ts";
