/** Which port a route's listener gets. Binding it is the daemon's affair: a port that cannot be bound joins `taken`. */
import type { PortRange } from "../config/scalars.ts";

export interface PortRequest {
  /** listen.perRoute.ports */
  readonly range: PortRange;
  /** the port that the route was added with; it gets this one or none, inside the range or not */
  readonly wanted?: number | undefined;
  /** the port that the route had before, so that a restart does not move it */
  readonly kept?: number | undefined;
  /** ports of other routes, kept or in use, and whatever else cannot be had */
  readonly taken: ReadonlySet<number>;
}

/** The port wanted; else the one kept, if it is still in the range; else the lowest that is free. Null if there is none. */
export function allotPort({ range, wanted, kept, taken }: PortRequest): number | null {
  if (wanted !== undefined) return taken.has(wanted) ? null : wanted;
  if (kept !== undefined && kept >= range.first && kept <= range.last && !taken.has(kept)) return kept;
  for (let port = range.first; port <= range.last; port += 1) {
    if (!taken.has(port)) return port;
  }
  return null;
}
