/** What a Relay is constructed with, and how connections reach it. */
import type { Credentials } from "./admission/tls-server.ts";
import type { Elsewhere } from "./elsewhere.ts";
import type { Observer } from "./events.ts";
import type { RelayLimits } from "./limits.ts";
import type { Route } from "./pairing/routes.ts";
import type { DataPlane } from "./splice/plane.ts";
import type { OnWaiting } from "./waiting.ts";

export interface RelayOptions {
  readonly credentials: Credentials;
  readonly plane: DataPlane;
  readonly observe: Observer;
  readonly limits: RelayLimits;
  /** a route with the option `once` has had its session: it is deleted already, here */
  readonly onSpent?: (route: Route) => void;
  /** default: revoked ends, expired is kept */
  readonly certificates?: CertificatePolicy;
  /** other relays, where peers may be parked; without it, all that there is is here */
  readonly elsewhere?: Elsewhere;
  /** whoever is told of each parked function whose peer is not here */
  readonly onWaiting?: OnWaiting;
}

/** What becomes of sessions whose certificates are no longer good. Parked clients are refused in any case. */
export interface CertificatePolicy {
  /** revoked, or no longer of a CA of the relay */
  readonly onRevoked: "end" | "keep";
  readonly onExpired: "end" | "keep";
}

export const DEFAULT_CERTIFICATE_POLICY: CertificatePolicy = { onRevoked: "end", onExpired: "keep" };

/** The listener that a connection came in by: the shared one, or a route's with its protocol. */
export type Entrance =
  | { readonly protocol: "connect"; readonly route?: Route }
  | { readonly protocol: "bare" | "plain"; readonly route: Route };
