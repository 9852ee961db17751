/** On which terms a caller is admitted: which route, under which name, on which channel, and how long it may wait. */
import { Refusal } from "@serverless-relay/protocol";
import { Dropped } from "./admission/drops.ts";
import type { Identity } from "./admission/identity.ts";
import type { Request } from "./admission/request.ts";
import type { Flaw } from "./admission/trust.ts";
import type { RelayLimits } from "./limits.ts";
import { authorize, type Claim, endOfRoute } from "./pairing/authorize.ts";
import type { Caller } from "./pairing/pins.ts";
import type { Arrival } from "./pairing/rendezvous.ts";
import type { Route, RouteTable } from "./pairing/routes.ts";
import type { Entrance } from "./relay-options.ts";

/** What a caller was allowed to. `name` and `peer` are null behind a plain listener: nobody is verified there. */
export interface Terms extends Pick<Claim, "route"> {
  readonly name: string | null;
  readonly peer: string | null;
  readonly channel: string;
  readonly role: Arrival["role"];
  readonly waitMs: number;
}

/** The channel of those who cannot name one: the port of `https://peer/`. */
const DEFAULT_CHANNEL = "443";

/**
 * Of a caller; `request` is null behind a bare listener. With a `flaw`, only a route that has pinned its key may take it; where
 * none has, the flaw is all that it hears of. Throws Refusal or Dropped.
 */
export function termsOf(
  entrance: Entrance,
  identity: Identity,
  flaw: Flaw | null,
  request: Request | null,
  routes: RouteTable,
  limits: RelayLimits,
): Terms {
  try {
    return termsFor(entrance, callerOf(identity, flaw), request, routes, limits);
  } catch (error) {
    throw flaw !== null && (error instanceof Refusal || error instanceof Dropped) ? new Refusal(flaw) : error;
  }
}

/** As the pairing room sees somebody whose certificate has this flaw, or none. */
export function callerOf(identity: Identity, flaw: Flaw | null): Caller {
  return {
    names: identity.names,
    verified: flaw === null,
    get key() {
      return identity.key; // a hash, which most routes do not ask for
    },
  };
}

function termsFor(
  entrance: Entrance,
  caller: Caller,
  request: Request | null,
  routes: RouteTable,
  limits: RelayLimits,
): Terms {
  if (request === null) {
    const claim = entrance.route === undefined ? null : endOfRoute(entrance.route, caller);
    if (claim === null) throw new Dropped("not_of_this_route");
    return { ...claim, channel: DEFAULT_CHANNEL, role: undefined, waitMs: waitOn(claim.route, limits) };
  }
  const claim = authorize(routes, caller, request);
  if (entrance.route !== undefined && entrance.route !== claim.route) throw new Refusal("no_route");
  const waitMs = request.wait === undefined ? waitOn(claim.route, limits) : request.wait * 1000;
  return { ...claim, channel: request.channel, role: request.role, waitMs: Math.min(waitMs, limits.maxWaitMs) };
}

/** Of whoever comes to a plain listener. */
export function plainTerms(route: Route, limits: RelayLimits): Terms {
  const waitMs = waitOn(route, limits);
  return { route, name: null, peer: null, channel: DEFAULT_CHANNEL, role: undefined, waitMs };
}

/** How long a client waits that does not say. */
function waitOn({ options }: Route, { waitMs, maxWaitMs }: RelayLimits): number {
  return options?.wait === undefined ? waitMs : Math.min(options.wait * 1000, maxWaitMs);
}
