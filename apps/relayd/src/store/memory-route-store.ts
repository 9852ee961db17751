/** A route store that keeps nothing: for tests of whatever uses one. */
import { type RouteRecord, type RouteStore, routeKey } from "./route-store.ts";

export function createMemoryRouteStore(): RouteStore {
  const routes = new Map<string, RouteRecord>();
  const ports = new Map<string, number>();
  const keyOf = (f1: string, f2: string) => routeKey(f1, f2).join("\n");
  return {
    all: () => [...routes].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([, record]) => record),
    put: async (record) => void routes.set(keyOf(record.f1, record.f2), record),
    delete: async (f1, f2) => routes.delete(keyOf(f1, f2)),
    portOf: (f1, f2) => ports.get(keyOf(f1, f2)),
    keepPort: async (f1, f2, port) => void ports.set(keyOf(f1, f2), port),
    releasePort: async (f1, f2) => void ports.delete(keyOf(f1, f2)),
    close: async () => {},
  };
}
