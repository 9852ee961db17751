/**
 * The routes that this relayd serves: static ones of the configuration, dynamic ones of the store. A change is made in
 * this order: checked, its listener opened, durable in the store, known to the relay; and only then answered. Changes are
 * made one after another.
 */
import type { RouteChange } from "@serverless-relay/cluster";
import type { Relay, Route } from "@serverless-relay/core";
import type { Logger } from "pino";
import { type BookedRoute, BookedRoutes, fromRecord, isBooked } from "./booked-routes.ts";
import { type Config, mayBePlain, type RouteProtocol } from "./config/schema.ts";
import { checkName } from "./control/check-name.ts";
import { ControlFailure } from "./control/failure.ts";
import { ListenError } from "./listening/listener.ts";
import { NoPortLeft, type RouteListener, type RouteListeners } from "./listening/route-listeners.ts";
import { hasExpired } from "./route-expiry.ts";
import { type AskedOptions, differences, optionsOf, turned } from "./route-options.ts";
import { type StaticChanges, StaticRoutes } from "./static-routes.ts";
import type { RouteRecord, RouteStore } from "./store/route-store.ts";
import { sameHooks } from "./wake/hooks.ts";
import type { Hooks } from "./wake/target.ts";

export interface NewRoute extends AskedOptions {
  readonly f1: string;
  readonly f2: string;
  readonly protocol?: RouteProtocol | undefined;
  readonly port?: number | undefined;
  readonly wake?: Hooks | undefined;
}

export class RouteBook implements Iterable<BookedRoute> {
  readonly #relay: Relay;
  readonly #store: RouteStore;
  readonly #perRoute: Config["listen"]["perRoute"];
  readonly #listeners: RouteListeners | null;
  readonly #log: Logger;
  readonly #booked: BookedRoutes;
  readonly #static: StaticRoutes;
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
    this.#booked = new BookedRoutes(relay, (route) => this.#end(route, "expired"));
    this.#static = new StaticRoutes({ booked: this.#booked, store, listeners });
  }

  /**
   * Takes up the routes at start-up. A route of the configuration hides one of the store between the same two. Throws
   * ListenError or NoPortLeft if a route that never had a listener cannot be given one.
   */
  async load(staticRoutes: Config["routes"]): Promise<void> {
    this.#static.load(staticRoutes);
    const expired: BookedRoute[] = [];
    for (const record of this.#store.all()) {
      if (this.#static.hides(record)) continue;
      const route = fromRecord(record);
      if (hasExpired(route)) expired.push(route);
      else this.#booked.enter(route);
    }
    for (const route of expired) await this.#forget(route, "dynamic");
    if (this.#listeners !== null) await this.#reopenAll(this.#listeners);
  }

  async #reopenAll(listeners: RouteListeners): Promise<void> {
    // Those that had a port get it back before the others are given one.
    const hadPort = new Set<BookedRoute>();
    for (const route of this) {
      if ((route.wish.port ?? this.#store.portOf(route.f1, route.f2)) !== undefined) hadPort.add(route);
    }
    for (const route of hadPort) await listeners.reopen(route, route.wish);
    for (const route of this) if (!hadPort.has(route)) await listeners.reopen(route, route.wish);
  }

  get size(): number {
    return this.#booked.size;
  }

  get counts(): { static: number; dynamic: number } {
    return this.#booked.counts;
  }

  /** They may change on the way: one that is gone by then is left out. */
  [Symbol.iterator](): Iterator<BookedRoute> {
    return this.#booked[Symbol.iterator]();
  }

  find(f1: string, f2: string): BookedRoute | undefined {
    return this.#booked.find(f1, f2);
  }

  /** Throws ControlFailure if there is none. */
  get(f1: string, f2: string): BookedRoute {
    const route = this.find(f1, f2);
    if (route !== undefined) return route;
    throw new ControlFailure("route_not_found", `there is no route between ${f1} and ${f2}; see relayctl route list`);
  }

  /** The routes that have one. */
  *listeners(): Generator<readonly [BookedRoute, RouteListener], void, undefined> {
    if (this.#listeners === null) return;
    for (const route of this) {
      const listener = this.#listeners.of(route);
      if (listener !== null) yield [route, listener];
    }
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
      this.#booked.enter(route);
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
      this.#booked.enter(route);
      await this.#listeners?.reopen(route, route.wish);
    });
  }

  /** See StaticRoutes.replace. */
  replaceStatic(next: Config["routes"], commit: () => void): Promise<StaticChanges> {
    return this.#inTurn(() => this.#static.replace(next, commit));
  }

  /** The relay has deleted it already: a route with `once` has had its session. */
  removeSpent(route: Route): void {
    if (isBooked(route)) this.#end(route, "spent");
  }

  /** No timer is left. */
  close(): void {
    this.#booked.close();
  }

  /** Deletes a route whose time is over: at once in the relay, and then durably; a restart would not bring an expired one back. */
  #end(route: BookedRoute, why: "expired" | "spent"): void {
    const told = this.#relay.deleteRoute(route.f1, route.f2, { kill: false });
    this.#inTurn(async () => {
      if (!this.#booked.has(route)) return;
      const { refused = 0 } = (await told) ?? {};
      this.#booked.drop(route);
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
    const ended = await this.#booked.remove(route, options);
    await this.#listeners?.remove(route);
    return ended;
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
    const isStatic = existing.source === "static";
    const advice = isStatic ? "it is static: change it in the configuration file" : "delete it first to change that";
    throw new ControlFailure(
      "route_differs",
      `there is a route between ${existing.f1} and ${existing.f2} already, but ${has}; ${advice}`,
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
