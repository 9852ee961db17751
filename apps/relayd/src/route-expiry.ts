/** When routes end by themselves: a timer for each that has an end. */
import type { Route } from "@serverless-relay/core";

/** Node's timers overflow at 2^31 ms; beyond this they are set anew. */
const LONGEST_MS = 86_400_000;

export class RouteExpiry<R extends Route> {
  readonly #timers = new Map<R, NodeJS.Timeout>();
  readonly #onExpired: (route: R) => void;

  constructor(onExpired: (route: R) => void) {
    this.#onExpired = onExpired;
  }

  /** Does nothing for a route that never ends. */
  watch(route: R): void {
    const { expiresAt } = route.options ?? {};
    if (expiresAt !== undefined) this.#sleep(route, performance.now() + Date.parse(expiresAt) - Date.now());
  }

  forget(route: R): void {
    clearTimeout(this.#timers.get(route));
    this.#timers.delete(route);
  }

  /** No timer is left. */
  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  /** `until`: as performance.now(), for the clock may be set meanwhile, and that shall end or prolong nothing. */
  #sleep(route: R, until: number): void {
    const left = Math.max(0, until - performance.now());
    const timer = setTimeout(() => this.#wake(route, until), Math.min(left, LONGEST_MS));
    this.#timers.set(route, timer);
  }

  #wake(route: R, until: number): void {
    this.#timers.delete(route);
    if (performance.now() < until) this.#sleep(route, until);
    else this.#onExpired(route);
  }
}

/** Whether the time of such a route is over. */
export function hasExpired({ options }: Pick<Route, "options">): boolean {
  return options?.expiresAt !== undefined && Date.parse(options.expiresAt) <= Date.now();
}
