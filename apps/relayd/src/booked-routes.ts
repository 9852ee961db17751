/** The routes in force: what the relay's table has, with where each comes from, and when it ends by itself. */
import { type Relay, type Route, routeKey } from "@serverless-relay/core";
import type { Config } from "./config/schema.ts";
import type { ListenerWish } from "./listening/route-listeners.ts";
import { RouteExpiry } from "./route-expiry.ts";
import { askedInConfig, onlyOptions, optionsOf } from "./route-options.ts";
import type { RouteRecord } from "./store/route-store.ts";
import type { Hooks } from "./wake/target.ts";

export interface BookedRoute extends Route {
  readonly source: "static" | "dynamic";
  /** ISO 8601; null for a static route */
  readonly createdAt: string | null;
  readonly wish: ListenerWish;
  /** by what each end is invoked when the other waits for it */
  readonly wake?: Hooks | undefined;
}

export class BookedRoutes implements Iterable<BookedRoute> {
  readonly #relay: Relay;
  readonly #booked = new Set<BookedRoute>();
  readonly #expiry: RouteExpiry<BookedRoute>;
  #statics = 0;

  /** `onExpired` is told of each whose time is over, and has to end it. */
  constructor(relay: Relay, onExpired: (route: BookedRoute) => void) {
    this.#relay = relay;
    this.#expiry = new RouteExpiry(onExpired);
  }

  /** In the order in which they were entered. They may change on the way: one that is gone by then is left out. */
  [Symbol.iterator](): Iterator<BookedRoute> {
    return this.#booked.values();
  }

  get size(): number {
    return this.#booked.size;
  }

  /** How many there are of each source. */
  get counts(): { static: number; dynamic: number } {
    return { static: this.#statics, dynamic: this.#booked.size - this.#statics };
  }

  has(route: BookedRoute): boolean {
    return this.#booked.has(route);
  }

  find(f1: string, f2: string): BookedRoute | undefined {
    const route = this.#relay.routes.find(f1, f2);
    return route !== undefined && isBooked(route) ? route : undefined;
  }

  /** Of two names between which there is no route. */
  enter(route: BookedRoute): void {
    this.#add(route);
    this.#relay.routes.set(route);
  }

  /** Puts it in the place of `former`; resolves with how many were refused. */
  replace(former: BookedRoute | undefined, route: BookedRoute): Promise<number> {
    if (former !== undefined) this.drop(former);
    this.#add(route);
    return this.#relay.replaceRoute(route);
  }

  /** Nobody is paired on it any more; resolves once who was parked there, and with `kill` in a session, has been told. */
  async remove(route: BookedRoute, options: { kill: boolean }): Promise<{ refused: number; killed: number }> {
    this.drop(route);
    return (await this.#relay.deleteRoute(route.f1, route.f2, options)) ?? { refused: 0, killed: 0 };
  }

  /** The relay has deleted it already. */
  drop(route: BookedRoute): void {
    if (!this.#booked.delete(route)) return;
    if (route.source === "static") this.#statics--;
    this.#expiry.forget(route);
  }

  /** No timer is left. */
  close(): void {
    this.#expiry.close();
  }

  #add(route: BookedRoute): void {
    this.#booked.add(route);
    if (route.source === "static") this.#statics++;
    this.#expiry.watch(route);
  }
}

export function fromConfig(route: Config["routes"][number]): BookedRoute {
  const { f1, f2, protocol, port, wake } = route;
  const options = optionsOf(askedInConfig(route), Date.now());
  return { f1, f2, options, source: "static", createdAt: null, wish: { protocol, port }, wake };
}

export function fromRecord(record: RouteRecord): BookedRoute {
  const { f1, f2, createdAt, protocol, port, wake } = record;
  const wish = protocol === undefined && port === undefined ? ANY_LISTENER : { protocol, port };
  return { f1, f2, options: onlyOptions(record), source: "dynamic", createdAt, wish, wake };
}

/** Shared by those that do not say: there may be a hundred thousand of them. */
const ANY_LISTENER: ListenerWish = {};

export function isBooked(route: Route): route is BookedRoute {
  return "source" in route;
}

export function keyOf({ f1, f2 }: { readonly f1: string; readonly f2: string }): string {
  return routeKey(f1, f2);
}
