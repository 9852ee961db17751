/** Which route, if any, a verified caller may take, and under which of its names. */
import { Refusal } from "@serverless-relay/protocol";
import type { Route, RouteTable } from "./routes.ts";

export interface Claim {
  readonly route: Route;
  /** the caller's name on that route */
  readonly name: string;
  readonly peer: string;
}

/** Throws Refusal. An unknown peer and a forbidden one are the same to a caller: there is no route. */
export function authorize(
  routes: RouteTable,
  names: readonly string[],
  asked: { readonly peer: string; readonly as: string | undefined },
): Claim {
  if (asked.as !== undefined && !names.includes(asked.as)) throw new Refusal("as_not_certified");
  const candidates = asked.as === undefined ? names : [asked.as];
  const claims: Claim[] = [];
  for (const name of candidates) {
    const route = routes.find(name, asked.peer);
    if (route !== undefined) claims.push({ route, name, peer: asked.peer });
  }
  const [claim, another] = claims;
  if (claim === undefined) throw new Refusal("no_route");
  if (another !== undefined) throw new Refusal("as_required");
  return claim;
}

/** The end of `route` that a bare listener's caller takes: null if its certificate bears neither name, or both. */
export function endOfRoute(route: Route, names: readonly string[]): Claim | null {
  const isF1 = names.includes(route.f1);
  const isF2 = names.includes(route.f2);
  if (isF1 && isF2 && route.f1 !== route.f2) return null;
  if (isF1) return { route, name: route.f1, peer: route.f2 };
  return isF2 ? { route, name: route.f2, peer: route.f1 } : null;
}
