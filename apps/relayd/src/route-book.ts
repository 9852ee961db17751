/**
 * The routes that this relayd serves: static ones of the configuration, dynamic ones of the store. A change is made in
 * this order: checked, its listener opened, durable in the store, known to the relay; and only then answered. Changes are
 * made one after another.
 */
import type { RouteChange } from "@serverless-relay/cluster";
import { type Relay, type Route, routeKey } from "@serverless-relay/core";
import type { Logger } from "pino";
import { type Config, mayBePlain, type RouteProtocol } from "./config/schema.ts";
import { checkName } from "./control/check-name.ts";
import { ControlFailure } from "./control/failure.ts";
import { ListenError } from "./listening/listener.ts";
import { type ListenerWish, NoPortLeft, type RouteListener, type RouteListeners } from "./listening/route-listeners.ts";
import { hasExpired, RouteExpiry } from "./route-expiry.ts";
import { type AskedOptions, askedInConfig, differences, onlyOptions, optionsOf, turned } from "./route-options.ts";
import type { RouteRecord, RouteStore } from "./store/route-store.ts";
import { sameHooks } from "./wake/hooks.ts";
import type { Hooks } from "./wake/target.ts";

export interface BookedRoute extends Route {
  readonly source: "static" | "dynamic";
  /** ISO 8601; null for a static route */
  readonly createdAt: string | null;
  readonly wish: ListenerWish;
  /** by what each end is invoked when the other waits for it */
  readonly wake?: Hooks | undefined;
}

/** What a changed configuration did to the static routes. */
export interface StaticChanges {
  readonly added: readonly Route[];
  readonly changed: readonly Route[];
  readonly removed: readonly Route[];
  /** parked clients */
  readonly refused: number;
  /** about listeners that could not be had: "what is wrong; what to do" */
  readonly warnings: readonly string[];
}

export interface NewRoute extends AskedOptions {
  readonly f1: string;
  readonly f2: string;
  readonly protocol?: RouteProtocol | undefined;
  readonly port?: number | undefined;
  readonly wake?: Hooks | undefined;
}

export class RouteBook {
  readonly #relay: Relay;
  readonly #store: RouteStore;
  readonly #perRoute: Config["listen"]["perRoute"];
  readonly #listeners: RouteListeners | null;
  readonly #log: Logger;
  readonly #booked = new Set<BookedRoute>();
  /** the static routes' entries in the configuration, as JSON, by route key */
  readonly #configured = new Map<string, string>();
  readonly #expiry = new RouteExpiry<BookedRoute>((route) => this.#end(route, "expired"));
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(
    relay: Relay,
    store: RouteStore,
    perRoute: Config["listen"]["perRoute"],
    listeners: RouteListeners | null,
    log: Logger,
  ) {
    this.#relay = relay;
    this.#store = store;
    this.#perRoute = perRoute;
    this.#listeners = listeners;
    this.#log = log;
  }

  /**
   * Takes up the routes at start-up. A route of the configuration hides one of the store between the same two. Throws
   * ListenError or NoPortLeft if a route that never had a listener cannot be given one.
   */
  async load(staticRoutes: Config["routes"]): Promise<void> {
    for (const route of staticRoutes) {
      this.#configured.set(keyOf(route), JSON.stringify(route));
      this.#enter(fromConfig(route));
    }
    for (const record of this.#store.all()) {
      if (this.find(record.f1, record.f2) !== undefined) continue;
      const route = fromRecord(record);
      if (hasExpired(route)) await this.#forget(route, "dynamic");
      else this.#enter(route);
    }
    // Those that had a port get it back before the others are given one.
    const hadPort = (route: BookedRoute) => route.wish.port ?? this.#store.portOf(route.f1, route.f2) ?? null;
    const ordered = this.list().toSorted((a, b) => Number(hadPort(a) === null) - Number(hadPort(b) === null));
    for (const route of ordered) await this.#listeners?.reopen(route, route.wish);
  }

  get size(): number {
    return this.#booked.size;
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
      const { f1, f2, protocol, port, wake } = asked;
      const existing = this.find(f1, f2);
      if (existing !== undefined) {
        this.#checkSame(existing, asked);
        return { created: false, route: existing };
      }
      const createdAt = new Date().toISOString();
      const options = optionsOf(asked, Date.now());
      const route: BookedRoute = { f1, f2, options, source: "dynamic", createdAt, wish: { protocol, port }, wake };
      await this.#openListener(route);
      try {
        await this.#store.put({ f1, f2, createdAt, protocol, port, ...options, wake });
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
      const route = fromRecord(change.route as RouteRecord);
      this.#enter(route);
      await this.#listeners?.reopen(route, route.wish);
    });
  }

  /** The relay has deleted it already: a route with `once` has had its session. */
  removeSpent(route: Route): void {
    if (isBooked(route)) this.#end(route, "spent");
  }

  /** No timer is left. */
  close(): void {
    this.#expiry.close();
  }

  /** Deletes a route whose time is over: at once in the relay, and then durably; a restart would not bring an expired one back. */
  #end(route: BookedRoute, why: "expired" | "spent"): void {
    const told = this.#relay.deleteRoute(route.f1, route.f2, { kill: false });
    this.#inTurn(async () => {
      if (!this.#booked.has(route)) return;
      const { refused = 0 } = (await told) ?? {};
      this.#booked.delete(route);
      const another = this.find(route.f1, route.f2); // added anew in a turn before this one
      if (another === undefined) await this.#forget(route, route.source);
      this.#log.info({ route: [route.f1, route.f2], why, refused }, "route deleted by itself");
    }).catch((error: unknown) =>
      this.#log.error({ err: error, route: [route.f1, route.f2] }, "a route is left behind"),
    );
  }

  async #forget(route: Route, source: BookedRoute["source"]): Promise<void> {
    if (source === "dynamic") await this.#store.delete(route.f1, route.f2);
    await this.#listeners?.remove(route);
  }

  async #leave(route: BookedRoute, options: { kill: boolean }): Promise<{ refused: number; killed: number }> {
    const ended = (await this.#relay.deleteRoute(route.f1, route.f2, options)) ?? { refused: 0, killed: 0 };
    this.#booked.delete(route);
    this.#expiry.forget(route);
    await this.#listeners?.remove(route);
    return ended;
  }

  /**
   * Puts these static routes in the place of those that there are, so that everything is as if relayd had been started with
   * them. The listeners of new ones are opened first; then, in one turn of the event loop, `commit` is called and the routes
   * change. What is thrown before that (ListenError, NoPortLeft, or by `commit`) leaves everything as it was.
   */
  replaceStatic(next: Config["routes"], commit: () => void): Promise<StaticChanges> {
    return this.#inTurn(async () => {
      const wanted = new Set(next.map(keyOf));
      const gone = [...this.#configured.keys()].filter((key) => !wanted.has(key));
      const other = next.filter((route) => this.#configured.get(keyOf(route)) !== JSON.stringify(route));
      await this.#openListeners(
        other.map(fromConfig).filter(({ f1, f2 }) => this.find(f1, f2) === undefined),
        commit,
      );
      // Of the store, and hidden so far by those that are gone.
      const uncovered =
        gone.length === 0
          ? []
          : this.#store
              .all()
              .filter((record) => gone.includes(keyOf(record)))
              .map(fromRecord)
              .filter((route) => !hasExpired(route));
      for (const key of gone) this.#configured.delete(key);
      for (const route of other) this.#configured.set(keyOf(route), JSON.stringify(route));
      const removed = this.list().filter(
        (route) => gone.includes(keyOf(route)) && !uncovered.some((it) => keyOf(it) === keyOf(route)),
      );
      const replaced = [...other.map(fromConfig), ...uncovered].map((route) => ({
        route,
        former: this.find(route.f1, route.f2),
      }));
      return await this.#change(removed, replaced);
    });
  }

  /** Opens these, then calls `commit`; if any of it fails, those that were opened are closed again. */
  async #openListeners(routes: readonly BookedRoute[], commit: () => void): Promise<void> {
    const opened: BookedRoute[] = [];
    try {
      for (const route of routes) {
        await this.#listeners?.open(route, route.wish);
        opened.push(route);
      }
      commit();
    } catch (error) {
      for (const route of opened) await this.#listeners?.remove(route);
      throw error;
    }
  }

  /** The relay knows of it all within this turn; listeners follow. */
  async #change(removed: readonly BookedRoute[], replaced: readonly Replacement[]): Promise<StaticChanges> {
    const refused: Promise<number>[] = [];
    for (const route of removed) {
      this.#booked.delete(route);
      this.#expiry.forget(route);
      refused.push(this.#relay.deleteRoute(route.f1, route.f2, { kill: false }).then((ended) => ended?.refused ?? 0));
    }
    for (const { route, former } of replaced) {
      if (former !== undefined) this.#booked.delete(former);
      if (former !== undefined) this.#expiry.forget(former);
      this.#booked.add(route);
      this.#expiry.watch(route);
      refused.push(this.#relay.replaceRoute(route));
    }
    const warnings: string[] = [];
    for (const route of removed) await this.#listeners?.remove(route);
    for (const { route, former } of replaced) {
      if (former === undefined || sameWish(former, route)) continue;
      await this.#listeners?.remove(former);
      const problem = await this.#reopen(route);
      if (problem !== null) warnings.push(`the listener of the route between ${route.f1} and ${route.f2}: ${problem}`);
    }
    return {
      added: replaced.filter(({ former }) => former === undefined).map(({ route }) => route),
      changed: replaced.filter(({ former }) => former !== undefined).map(({ route }) => route),
      removed,
      refused: (await Promise.all(refused)).reduce((sum, count) => sum + count, 0),
      warnings,
    };
  }

  async #reopen(route: BookedRoute): Promise<string | null> {
    try {
      await this.#listeners?.reopen(route, route.wish);
      return this.listenerOf(route)?.error ?? null;
    } catch (error) {
      if (error instanceof ListenError || error instanceof NoPortLeft) return error.message;
      throw error;
    }
  }

  #enter(route: BookedRoute): void {
    this.#booked.add(route);
    this.#expiry.watch(route);
    this.#relay.routes.set(route);
  }

  #check({ f1, f2, protocol, port }: NewRoute): void {
    for (const name of [f1, f2]) checkName(name);
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
    if (!sameHooks(existing, asked)) others.push("its wake is another");
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
      if (this.listenerOf(route) !== null) await this.#listeners?.remove(route); // of a route that has just ended
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

interface Replacement {
  readonly route: BookedRoute;
  /** what was there between the two */
  readonly former: BookedRoute | undefined;
}

function fromConfig(route: Config["routes"][number]): BookedRoute {
  const { f1, f2, protocol, port, wake } = route;
  const options = optionsOf(askedInConfig(route), Date.now());
  return { f1, f2, options, source: "static", createdAt: null, wish: { protocol, port }, wake };
}

function fromRecord(record: RouteRecord): BookedRoute {
  const { f1, f2, createdAt, protocol, port, wake } = record;
  return { f1, f2, options: onlyOptions(record), source: "dynamic", createdAt, wish: { protocol, port }, wake };
}

function sameWish({ wish: one }: BookedRoute, { wish: other }: BookedRoute): boolean {
  return one.protocol === other.protocol && one.port === other.port;
}

function keyOf({ f1, f2 }: { readonly f1: string; readonly f2: string }): string {
  return routeKey(f1, f2);
}

function isBooked(route: Route): route is BookedRoute {
  return "source" in route;
}
