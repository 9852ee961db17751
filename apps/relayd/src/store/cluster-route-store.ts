/** The store of a relay in a cluster: the routes are the cluster's, in NATS; the ports of its listeners are its own. */
import type { KvRoutes } from "@serverless-relay/cluster";
import { reason } from "../io-error.ts";
import { type RouteRecord, type RouteStore, StoreError } from "./route-store.ts";

export class ClusterRouteStore implements RouteStore {
  readonly #routes: KvRoutes;
  readonly #own: RouteStore;

  constructor(routes: KvRoutes, own: RouteStore) {
    this.#routes = routes;
    this.#own = own;
  }

  all(): Iterable<RouteRecord> {
    return this.#routes.all() as RouteRecord[];
  }

  async put(record: RouteRecord): Promise<void> {
    await acknowledged(() => this.#routes.put({ ...record }));
  }

  async delete(f1: string, f2: string): Promise<boolean> {
    return await acknowledged(() => this.#routes.delete(f1, f2));
  }

  portOf(f1: string, f2: string): number | undefined {
    return this.#own.portOf(f1, f2);
  }

  keepPort(f1: string, f2: string, port: number): Promise<void> {
    return this.#own.keepPort(f1, f2, port);
  }

  releasePort(f1: string, f2: string): Promise<void> {
    return this.#own.releasePort(f1, f2);
  }

  close(): Promise<void> {
    return this.#own.close();
  }
}

async function acknowledged<T>(change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    const what = `NATS does not acknowledge the change (${reason(error)}), which may or may not have been made`;
    throw new StoreError("the cluster's routes", `${what}; see to NATS, and try again`, error);
  }
}
