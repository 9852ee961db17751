/**
 * The routes that this relayd serves: static ones of the configuration, dynamic ones of the store. A change is made in
 * this order: checked, its listener opened, durable in the store, known to the relay; and only then answered. Changes are
 * made one after another.
 */
import type { RouteChange } from "@serverless-relay/cluster";
import type { Relay, Route } from "@serverless-relay/core";
import { isFunctionName, NAME_RULE } from "@serverless-relay/protocol";
import { type Config, mayBePlain, type RouteProtocol } from "./config/schema.ts";
import { ControlFailure } from "./control/failure.ts";
import { ListenError } from "./listening/listener.ts";
import { type ListenerWish, NoPortLeft, type RouteListener, type RouteListeners } from "./listening/route-listeners.ts";
import { type AskedOptions, askedInConfig, differences, onlyOptions, optionsOf, turned } from "./route-options.ts";
import type { RouteRecord, RouteStore } from "./store/route-store.ts";

export interface BookedRoute extends Route {
  readonly source: "static" | "dynamic";
  /** ISO 8601; null for a static route */
  readonly createdAt: string | null;
  readonly wish: ListenerWish;
}

export interface NewRoute extends AskedOptions {
  readonly f1: string;
  readonly f2: string;
  readonly protocol?: RouteProtocol | undefined;
  readonly port?: number | undefined;
}

export class RouteBook {
  readonly #relay: Relay;
  readonly #store: RouteStore;
  readonly #perRoute: Config["listen"]["perRoute"];
  readonly #listeners: RouteListeners | null;
  readonly #booked = new Set<BookedRoute>();
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(
    relay: Relay,
    store: RouteStore,
    perRoute: Config["listen"]["perRoute"],
    listeners: RouteListeners | null,
  ) {
    this.#relay = relay;
    this.#store = store;
    this.#perRoute = perRoute;
    this.#listeners = listeners;
  }

  /**
   * Takes up the routes at start-up. A route of the configuration hides one of the store between the same two. Throws
   * ListenError or NoPortLeft if a route that never had a listener cannot be given one.
   */
  async load(staticRoutes: Config["routes"]): Promise<void> {
    for (const route of staticRoutes) {
      const { f1, f2, protocol, port } = route;
      const options = optionsOf(askedInConfig(route), Date.now());
      this.#enter({ f1, f2, options, source: "static", createdAt: null, wish: { protocol, port } });
    }
    for (const record of this.#store.all()) {
      const { f1, f2, createdAt, protocol, port } = record;
      if (this.find(f1, f2) !== undefined) continue;
      const options = onlyOptions(record);
      this.#enter({ f1, f2, options, source: "dynamic", createdAt, wish: { protocol, port } });
    }
    // Those that had a port get it back before the others are given one.
    const hadPort = (route: BookedRoute) => route.wish.port ?? this.#store.portOf(route.f1, route.f2) ?? null;
    const ordered = this.list().toSorted((a, b) => Number(hadPort(a) === null) - Number(hadPort(b) === null));
    for (const route of ordered) await this.#listeners?.reopen(route, route.wish);
  }

  list(): BookedRoute[] {
    return [...this.#booked];
  }

  find(f1: string, f2: string): BookedRoute | undefined {
    const route = this.#relay.routes.find(f1, f2);
    return route !== undefined && isBooked(route) ? route : undefined;
  }

  /** Throws ControlFailure if there is none. */
  get(f1: string, f2: string): BookedRoute {
    const route = this.find(f1, f2);
    if (route !== undefined) return route;
    throw new ControlFailure("route_not_found", `there is no route between ${f1} and ${f2}; see relayctl route list`);
  }

  listenerOf(route: Route): RouteListener | null {
    return this.#listeners?.of(route) ?? null;
  }

  /** Durable once resolved. An existing route that is just as asked for is left as it is. Throws ControlFailure. */
  add(asked: NewRoute): Promise<{ created: boolean; route: BookedRoute }> {
    return this.#inTurn(async () => {
      this.#check(asked);
      const { f1, f2, protocol, port } = asked;
      const existing = this.find(f1, f2);
      if (existing !== undefined) {
        this.#checkSame(existing, asked);
        return { created: false, route: existing };
      }
      const createdAt = new Date().toISOString();
      const options = optionsOf(asked, Date.now());
      const route: BookedRoute = { f1, f2, options, source: "dynamic", createdAt, wish: { protocol, port } };
      await this.#openListener(route);
      try {
        await this.#store.put({ f1, f2, createdAt, protocol, port, ...options });
      } catch (error) {
        await this.#listeners?.remove(route);
        throw error;
      }
      this.#enter(route);
      return { created: true, route };
    });
  }

  /** Its parked clients are refused; its sessions run on, unless `kill`. Durable once resolved. Throws ControlFailure. */
  delete(
    f1: string,
    f2: string,
    options: { kill: boolean },
  ): Promise<{ route: Route; refused: number; killed: number }> {
    return this.#inTurn(async () => {
      const route = this.get(f1, f2);
      if (route.source === "static") {
        const where = "it is in the configuration file; remove it there";
        throw new ControlFailure("route_static", `the route between ${f1} and ${f2} is static: ${where}`);
      }
      await this.#store.delete(f1, f2);
      return { route, ...(await this.#leave(route, options)) };
    });
  }

  /** Takes up what another relay of the cluster has changed in the store. A static route hides it, as at start-up. */
  follow(change: RouteChange): Promise<void> {
    return this.#inTurn(async () => {
      const { f1, f2 } = change.kind === "put" ? change.route : change;
      const existing = this.find(f1, f2);
      if (existing?.source === "static") return;
      if (existing !== undefined) {
        if (change.kind === "put" && existing.createdAt === change.route.createdAt) return; // our own
        await this.#leave(existing, { kill: false });
      }
      if (change.kind === "delete") return;
      const { createdAt, protocol, port } = change.route as RouteRecord;
      const route: BookedRoute = {
        f1,
        f2,
        options: onlyOptions(change.route as RouteRecord),
        source: "dynamic",
        createdAt,
        wish: { protocol, port },
      };
      this.#enter(route);
      await this.#listeners?.reopen(route, route.wish);
    });
  }

  async #leave(route: BookedRoute, options: { kill: boolean }): Promise<{ refused: number; killed: number }> {
    const ended = (await this.#relay.deleteRoute(route.f1, route.f2, options)) ?? { refused: 0, killed: 0 };
    this.#booked.delete(route);
    await this.#listeners?.remove(route);
    return ended;
  }

  #enter(route: BookedRoute): void {
    this.#booked.add(route);
    this.#relay.routes.set(route);
  }

  #check({ f1, f2, protocol, port }: NewRoute): void {
    for (const name of [f1, f2]) {
      if (!isFunctionName(name)) {
        throw new ControlFailure("invalid_name", `${JSON.stringify(name)} is not a function's name: ${NAME_RULE}`);
      }
    }
    if (protocol === undefined && port === undefined) return;
    if (this.#perRoute === undefined) {
      throw new ControlFailure(
        "no_port_range",
        "routes have no listeners here; set listen.perRoute in the configuration",
      );
    }
    if (protocol === "plain" && !mayBePlain(this.#perRoute)) {
      const how = "set listen.perRoute.host to 127.0.0.1, or listen.perRoute.exposePlain: true";
      throw new ControlFailure(
        "plain_not_allowed",
        `plain verifies nobody, and ${this.#perRoute.host} is not loopback; ${how}`,
      );
    }
  }

  #checkSame(existing: BookedRoute, asked: NewRoute): void {
    const { f1, protocol, port } = asked;
    const listener = this.listenerOf(existing);
    const otherListener =
      (protocol !== undefined && protocol !== listener?.protocol) || (port !== undefined && port !== listener?.port);
    const options = optionsOf(asked, Date.now());
    const others = differences(existing.options, f1 === existing.f1 ? options : turned(options));
    if (otherListener) others.push(`its listener is ${listener?.protocol} on port ${listener?.port}`);
    if (others.length === 0) return;
    const has = others.join(", and ");
    throw new ControlFailure(
      "route_differs",
      `there is a route between ${existing.f1} and ${existing.f2} already, but ${has}; delete it first to change that`,
    );
  }

  async #openListener(route: BookedRoute): Promise<void> {
    try {
      await this.#listeners?.open(route, route.wish);
    } catch (error) {
      if (!(error instanceof ListenError || error instanceof NoPortLeft)) throw error;
      throw new ControlFailure("port_unavailable", error.message);
    }
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#lastChange.then(change, change);
    this.#lastChange = turn.catch(() => {});
    return turn;
  }
}

function isBooked(route: Route): route is BookedRoute {
  return "source" in route;
}
