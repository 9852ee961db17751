/** The static routes: those of the configuration, and how those of another one come into their place. */
import type { Route } from "@serverless-relay/core";
import { type BookedRoute, type BookedRoutes, fromConfig, fromRecord, keyOf } from "./booked-routes.ts";
import type { Config } from "./config/schema.ts";
import { ListenError } from "./listening/listener.ts";
import { NoPortLeft, type RouteListeners } from "./listening/route-listeners.ts";
import { hasExpired } from "./route-expiry.ts";
import type { RouteStore } from "./store/route-store.ts";

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

interface Surroundings {
  readonly booked: BookedRoutes;
  readonly store: RouteStore;
  readonly listeners: RouteListeners | null;
}

interface Replacement {
  readonly route: BookedRoute;
  /** what was there between the two */
  readonly former: BookedRoute | undefined;
}

export class StaticRoutes {
  readonly #here: Surroundings;
  /** their entries in the configuration, as JSON, by route key */
  readonly #configured = new Map<string, string>();

  constructor(here: Surroundings) {
    this.#here = here;
  }

  /** At start-up. */
  load(routes: Config["routes"]): void {
    for (const route of routes) {
      this.#configured.set(keyOf(route), JSON.stringify(route));
      this.#here.booked.enter(fromConfig(route));
    }
  }

  /** Whether one of them is between these two names. */
  hides(names: { readonly f1: string; readonly f2: string }): boolean {
    return this.#configured.size > 0 && this.#configured.has(keyOf(names)); // of most stores, no key need be made
  }

  /**
   * Puts these in the place of those that there are, so that everything is as if relayd had been started with them. The
   * listeners of new ones are opened first; then, in one turn of the event loop, `commit` is called and the routes change.
   * What is thrown before that (ListenError, NoPortLeft, or by `commit`) leaves everything as it was.
   */
  async replace(next: Config["routes"], commit: () => void): Promise<StaticChanges> {
    const { booked } = this.#here;
    const wanted = new Set(next.map(keyOf));
    const gone = new Set([...this.#configured.keys()].filter((key) => !wanted.has(key)));
    const other = next.filter((route) => this.#configured.get(keyOf(route)) !== JSON.stringify(route));
    const added = other.map(fromConfig).filter(({ f1, f2 }) => booked.find(f1, f2) === undefined);
    await this.#openListeners(added, commit);
    for (const key of gone) this.#configured.delete(key);
    for (const route of other) this.#configured.set(keyOf(route), JSON.stringify(route));
    const uncovered = this.#uncoveredBy(gone);
    const covered = new Set(uncovered.map(keyOf));
    const removed = gone.size === 0 ? [] : [...booked].filter((it) => gone.has(keyOf(it)) && !covered.has(keyOf(it)));
    const replaced = [...other.map(fromConfig), ...uncovered].map((route) => ({
      route,
      former: booked.find(route.f1, route.f2),
    }));
    return await this.#change(removed, replaced);
  }

  /** Of the store, and hidden so far by those that are gone. */
  #uncoveredBy(gone: ReadonlySet<string>): BookedRoute[] {
    if (gone.size === 0) return [];
    const uncovered: BookedRoute[] = [];
    for (const record of this.#here.store.all()) {
      if (!gone.has(keyOf(record))) continue;
      const route = fromRecord(record);
      if (!hasExpired(route)) uncovered.push(route);
    }
    return uncovered;
  }

  /** Opens these, then calls `commit`; if any of it fails, those that were opened are closed again. */
  async #openListeners(routes: readonly BookedRoute[], commit: () => void): Promise<void> {
    const { listeners } = this.#here;
    const opened: BookedRoute[] = [];
    try {
      for (const route of routes) {
        await listeners?.open(route, route.wish);
        opened.push(route);
      }
      commit();
    } catch (error) {
      for (const route of opened) await listeners?.remove(route);
      throw error;
    }
  }

  /** The relay knows of it all within this turn; listeners follow. */
  async #change(removed: readonly BookedRoute[], replaced: readonly Replacement[]): Promise<StaticChanges> {
    const { booked, listeners } = this.#here;
    const refused: Promise<number>[] = [];
    for (const route of removed) refused.push(booked.remove(route, { kill: false }).then((ended) => ended.refused));
    for (const { route, former } of replaced) refused.push(booked.replace(former, route));
    const warnings: string[] = [];
    for (const route of removed) await listeners?.remove(route);
    for (const { route, former } of replaced) {
      if (former === undefined || sameWish(former, route)) continue;
      await listeners?.remove(former);
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
    const { listeners } = this.#here;
    try {
      await listeners?.reopen(route, route.wish);
      return listeners?.of(route)?.error ?? null;
    } catch (error) {
      if (error instanceof ListenError || error instanceof NoPortLeft) return error.message;
      throw error;
    }
  }
}

function sameWish({ wish: one }: BookedRoute, { wish: other }: BookedRoute): boolean {
  return one.protocol === other.protocol && one.port === other.port;
}
