/** A listener for each route, where the configuration has listen.perRoute: which port it gets, and whether it is up. */
import type { Socket } from "node:net";
import { type Entrance, type Relay, type Route, routeKey } from "@serverless-relay/core";
import type { Config, RouteProtocol } from "../config/schema.ts";
import { allotPort } from "../store/ports.ts";
import type { RouteStore } from "../store/route-store.ts";
import type { InheritedSockets } from "../systemd/inherited.ts";
import { ListenError, Listener } from "./listener.ts";

type PerRoute = NonNullable<Config["listen"]["perRoute"]>;

/** What a route asks of its listener. */
export interface ListenerWish {
  readonly protocol?: RouteProtocol | undefined;
  readonly port?: number | undefined;
}

export interface RouteListener {
  readonly protocol: RouteProtocol;
  readonly host: string;
  readonly port: number;
  /** why it is not up; null if it is */
  readonly error: string | null;
}

interface Open extends RouteListener {
  readonly listener: Listener | null;
}

/** No port of the range can be had. */
export class NoPortLeft extends Error {
  override readonly name = "NoPortLeft";
}

export class RouteListeners {
  readonly #perRoute: PerRoute;
  readonly #store: RouteStore;
  readonly #relay: Relay;
  readonly #inherited: InheritedSockets;
  readonly #open = new Map<string, Open>();

  constructor(perRoute: PerRoute, store: RouteStore, relay: Relay, inherited: InheritedSockets) {
    this.#inherited = inherited;
    this.#perRoute = perRoute;
    this.#store = store;
    this.#relay = relay;
  }

  of(route: Route): RouteListener | null {
    return this.#open.get(keyOf(route)) ?? null;
  }

  /** Opens the listener of a new route. Throws ListenError or NoPortLeft, having changed nothing. */
  async open(route: Route, wish: ListenerWish): Promise<void> {
    const taken = this.#takenByOthers(route);
    for (;;) {
      const port = this.#allot(route, wish, taken);
      if (port === null) throw new NoPortLeft(this.#noPortLeft(wish));
      try {
        await this.#openAt(route, wish, port);
        await this.#store.keepPort(route.f1, route.f2, port);
        return;
      } catch (error) {
        if (!(error instanceof ListenError && error.inUse && wish.port === undefined)) throw error;
        taken.add(port);
      }
    }
  }

  /**
   * Opens the listener of a route that was there before a restart: at the port that it had, and at no other, for its
   * functions know that one. If that cannot be had, the route is there with its listener down.
   */
  async reopen(route: Route, wish: ListenerWish): Promise<void> {
    const kept = wish.port ?? this.#store.portOf(route.f1, route.f2);
    if (kept === undefined || this.#allot(route, wish, this.#takenByOthers(route)) !== kept) {
      await this.open(route, wish);
      return;
    }
    try {
      await this.#openAt(route, wish, kept);
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      const { host } = this.#perRoute;
      const protocol = this.#protocolOf(wish);
      this.#open.set(keyOf(route), { protocol, host, port: kept, error: error.message, listener: null });
    }
  }

  /** Closes the route's listener, for good: its port is free for another route. */
  async remove(route: Route): Promise<void> {
    this.#open.get(keyOf(route))?.listener?.close();
    this.#open.delete(keyOf(route));
    await this.#store.releasePort(route.f1, route.f2);
  }

  /** Closes all, for now. */
  close(): void {
    for (const { listener } of this.#open.values()) listener?.close();
  }

  async #openAt(route: Route, wish: ListenerWish, port: number): Promise<void> {
    const { host } = this.#perRoute;
    const protocol = this.#protocolOf(wish);
    const { f1, f2 } = route;
    // Looked up each time, for the route may be replaced, with other options, while its listener stays.
    const entrance = (): Entrance => ({ protocol, route: this.#relay.routes.find(f1, f2) ?? route });
    const inherited = this.#inherited.take("route", { host, port });
    const accept = (socket: Socket) => this.#relay.accept(socket, entrance());
    const listener = await Listener.open("listen.perRoute", { host, port }, accept, inherited);
    this.#open.set(keyOf(route), { protocol, host, port, error: null, listener });
  }

  #allot(route: Route, wish: ListenerWish, taken: ReadonlySet<number>): number | null {
    const kept = this.#store.portOf(route.f1, route.f2);
    return allotPort({ range: this.#perRoute.ports, wanted: wish.port, kept, taken });
  }

  #takenByOthers(route: Route): Set<number> {
    const own = keyOf(route);
    return new Set([...this.#open].filter(([key]) => key !== own).map(([, { port }]) => port));
  }

  #protocolOf(wish: ListenerWish): RouteProtocol {
    return wish.protocol ?? this.#perRoute.protocol;
  }

  #noPortLeft({ port }: ListenerWish): string {
    if (port !== undefined) return `port ${port} is the listener of another route; choose another`;
    const { first, last } = this.#perRoute.ports;
    return `no port of ${first}-${last} is free; delete routes, or widen listen.perRoute.ports`;
  }
}

function keyOf(route: Route): string {
  return routeKey(route.f1, route.f2);
}
