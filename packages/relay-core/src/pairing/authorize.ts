/** Which route, if any, a verified caller may take, and under which of its names. */
import { Refusal } from "@serverless-relay/protocol";
import { type Caller, mayTake } from "./pins.ts";
import type { Route, RouteTable } from "./routes.ts";

export interface Claim {
  readonly route: Route;
  /** the caller's name on that route */
  readonly name: string;
  readonly peer: string;
}

/** Throws Refusal. An unknown peer, a forbidden one, and a route that is pinned to another key are the same to a caller: there is none. */
export function authorize(
  routes: RouteTable,
  caller: Caller,
  asked: { readonly peer: string; readonly as: string | undefined },
): Claim {
  const { names } = caller;
  if (asked.as !== undefined && !names.includes(asked.as)) throw new Refusal("as_not_certified");
  const candidates = asked.as === undefined ? names : [asked.as];
  const claims: Claim[] = [];
  for (const name of candidates) {
    const route = routes.find(name, asked.peer);
    if (route !== undefined && mayTake(route, name, caller)) claims.push({ route, name, peer: asked.peer });
  }
  const [claim, another] = claims;
  if (claim === undefined) throw new Refusal("no_route");
  if (another !== undefined) throw new Refusal("as_required");
  return claim;
}

/** The end of `route` that a bare listener's caller takes: null if it may take neither, or both. */
export function endOfRoute(route: Route, caller: Caller): Claim | null {
  const isF1 = caller.names.includes(route.f1) && mayTake(route, route.f1, caller);
  const isF2 = caller.names.includes(route.f2) && mayTake(route, route.f2, caller);
  if (isF1 && isF2 && route.f1 !== route.f2) return null;
  if (isF1) return { route, name: route.f1, peer: route.f2 };
  return isF2 ? { route, name: route.f2, peer: route.f1 } : null;
}
