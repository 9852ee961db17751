/** The routes: unordered pairs of function names that may meet, looked up by both. */
import type { Pins } from "./pins.ts";

export interface Route {
  /** in the order in which the route was added: where neither end asks for a role, f1 is the client */
  readonly f1: string;
  readonly f2: string;
  readonly options?: RouteOptions | undefined;
}

/** What a route's operator bounds or asks of it. Whatever is absent is left to the relay's own limits. */
export interface RouteOptions {
  /** distinct channels in use at once, parked or carried */
  readonly channelLimit?: number | undefined;
  /** sessions at once */
  readonly maxSessions?: number | undefined;
  /** ISO 8601: from then on there is no such route; sessions run on */
  readonly expiresAt?: string | undefined;
  /** the route is deleted once its first session has begun */
  readonly once?: boolean | undefined;
  /** seconds that a client is parked that does not say */
  readonly wait?: number | undefined;
  /** bytes per second, of all sessions of the route together, both directions */
  readonly bandwidth?: number | undefined;
  readonly pins?: Pins | undefined;
}

/** The same for {a, b} and {b, a}. A line feed cannot be part of a name. */
export function routeKey(a: string, b: string): string {
  return a < b ? `${a}\n${b}` : `${b}\n${a}`;
}

export class RouteTable {
  readonly #routes = new Map<string, Route>();
  readonly #onSet: (route: Route) => void;

  /** @param onSet called whenever a route was added or replaced */
  constructor(onSet: (route: Route) => void = () => {}) {
    this.#onSet = onSet;
  }

  /** Replaces the route of the same two names, if there is one. */
  set(route: Route): void {
    this.#routes.set(routeKey(route.f1, route.f2), route);
    this.#onSet(route);
  }

  delete(a: string, b: string): boolean {
    return this.#routes.delete(routeKey(a, b));
  }

  find(a: string, b: string): Route | undefined {
    return this.#routes.get(routeKey(a, b));
  }
}
