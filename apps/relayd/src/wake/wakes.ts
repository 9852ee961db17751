/**
 * Wakes functions that others wait for. Promises: for each route and channel there is one request at a time that asks for a
 * function, from the moment that somebody has waited for it for `wake.after` until it has come or nobody waits any more;
 * nothing is requested that `wake.allow` does not name, by whatever way the route came here.
 */
import { type OnWaiting, routeKey, type Waiting, type WaitWatch } from "@serverless-relay/core";
import type { WakeConfig } from "../config/wake.ts";
import type { WakeEvent } from "./event.ts";
import { type Missing, Waker, type WakeState } from "./waker.ts";

interface WakesParts {
  /** in force just now; undefined: there is no such section */
  settings(): WakeConfig | undefined;
  /** The hook of the route between the two, as it is just now, for the function `name`. */
  targetOf(f1: string, f2: string, name: string): string | undefined;
  observe(event: WakeEvent): void;
}

interface Waiter {
  readonly waiting: Waiting;
  /** its peer is not at another relay either */
  peerIsNowhere: boolean;
}

/** One channel of one route. */
interface Place {
  readonly route: readonly [string, string];
  readonly channel: string;
  /** by the name of those who wait, in the order in which they came; one entry for {f, f} */
  readonly waiters: Map<string, Set<Waiter>>;
  /** by the name of the missing */
  readonly wakers: Map<string, Waker>;
}

export interface PlaceState extends WakeState {
  readonly channel: string;
}

/** Where there is nothing to wake anybody by. */
const NO_WATCH: WaitWatch = { peerIsNowhere: () => {}, over: () => {} };

export class Wakes {
  readonly #parts: WakesParts;
  /** by route and channel */
  readonly #places = new Map<string, Place>();
  /** requests that are open, by route */
  readonly #openOn = new Map<string, number>();
  #open = 0;
  #closed = false;

  constructor(parts: WakesParts) {
    this.#parts = parts;
  }

  /** For the relay. */
  readonly onWaiting: OnWaiting = (waiting) => {
    if (this.#closed || this.#parts.settings() === undefined) return NO_WATCH;
    const place = this.#placeOf(waiting);
    const waiter: Waiter = { waiting, peerIsNowhere: false };
    waitersOf(place, waiting.name).add(waiter);
    this.#consider(place, waiting.name);
    return {
      peerIsNowhere: () => {
        waiter.peerIsNowhere = true;
        this.#consider(place, waiting.peer);
      },
      over: (met) => {
        place.waiters.get(waiting.name)?.delete(waiter);
        if (met) place.wakers.get(waiting.peer)?.rest(true);
        this.#consider(place, waiting.peer);
        this.#consider(place, waiting.name);
        this.#forgetIfIdle(place);
      },
    };
  };

  /** The configuration, or routes, have changed. */
  reconsider(): void {
    for (const place of this.#places.values()) {
      for (const name of place.route) {
        this.#consider(place, name);
        place.wakers.get(name)?.reconsider();
      }
    }
  }

  /** Who is being woken for the route of these two, oldest first. */
  statesOf(f1: string, f2: string): PlaceState[] {
    const key = routeKey(f1, f2);
    return this.#states(({ route }) => routeKey(...route) === key).toSorted((a, b) => a.since - b.since);
  }

  /** How many functions are being woken. */
  get size(): number {
    return this.#states(() => true).length;
  }

  /** Breaks off whatever is open. */
  close(): void {
    this.#closed = true;
    for (const { wakers } of this.#places.values()) for (const waker of wakers.values()) waker.close();
    this.#places.clear();
  }

  #states(belongs: (place: Place) => boolean): PlaceState[] {
    const found: PlaceState[] = [];
    for (const place of this.#places.values()) {
      if (!belongs(place)) continue;
      for (const { state } of place.wakers.values())
        if (state !== null) found.push({ ...state, channel: place.channel });
    }
    return found;
  }

  /** Has `name` woken at this place if it is missing there, and lets it be if it is not. */
  #consider(place: Place, name: string): void {
    const missing = missingAt(place, name);
    if (missing === null) place.wakers.get(name)?.rest(isThere(place, name));
    else this.#wakerOf(place, name)?.need(missing);
  }

  #wakerOf(place: Place, name: string): Waker | undefined {
    const known = place.wakers.get(name);
    const [f1, f2] = place.route;
    const target = () => this.#parts.targetOf(f1, f2, name);
    if (known !== undefined || target() === undefined || this.#closed) return known;
    const waker: Waker = new Waker({
      settings: () => this.#parts.settings(),
      target,
      enter: () => this.#enter(routeKey(f1, f2)),
      observe: (event) => this.#parts.observe(event),
      onIdle: () => {
        if (place.wakers.get(name) === waker) place.wakers.delete(name);
        this.#forgetIfIdle(place);
      },
    });
    place.wakers.set(name, waker);
    return waker;
  }

  #enter(route: string): (() => void) | null {
    const { requests = 0, requestsPerRoute = 0 } = this.#parts.settings() ?? {};
    const openHere = this.#openOn.get(route) ?? 0;
    if (this.#open >= requests || openHere >= requestsPerRoute) return null;
    this.#open++;
    this.#openOn.set(route, openHere + 1);
    return () => {
      this.#open--;
      const left = (this.#openOn.get(route) ?? 1) - 1;
      if (left === 0) this.#openOn.delete(route);
      else this.#openOn.set(route, left);
    };
  }

  #placeOf({ route: { f1, f2 }, channel }: Waiting): Place {
    const key = placeKey([f1, f2], channel);
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const place: Place = { route: [f1, f2], channel, waiters: new Map(), wakers: new Map() };
    this.#places.set(key, place);
    return place;
  }

  #forgetIfIdle(place: Place): void {
    if (place.wakers.size > 0 || [...place.waiters.values()].some(({ size }) => size > 0)) return;
    const key = placeKey(place.route, place.channel);
    if (this.#places.get(key) === place) this.#places.delete(key);
  }
}

/** What is known of `name`, if somebody waits for it here and nobody of that name does. */
function missingAt(place: Place, name: string): Missing | null {
  const { route, channel, waiters } = place;
  const peer = name === route[0] ? route[1] : route[0];
  if (isThere(place, name)) return null;
  for (const { waiting, peerIsNowhere } of waiters.get(peer) ?? []) {
    if (!peerIsNowhere) continue;
    return { name, peer, route, channel, waitingSince: waiting.parkedAt, deadline: waiting.deadline };
  }
  return null;
}

/** Of {f, f} one waits for another. */
function isThere({ route: [f1, f2], waiters }: Place, name: string): boolean {
  return (waiters.get(name)?.size ?? 0) > (f1 === f2 ? 1 : 0);
}

function waitersOf({ waiters }: Place, name: string): Set<Waiter> {
  const known = waiters.get(name);
  if (known !== undefined) return known;
  const made = new Set<Waiter>();
  waiters.set(name, made);
  return made;
}

/** A line feed cannot be part of a name, nor of a channel. */
function placeKey([f1, f2]: readonly [string, string], channel: string): string {
  return `${routeKey(f1, f2)}\n${channel}`;
}
