/**
 * Where admitted connections wait for one another: matched by route and channel, oldest first. It holds no connection,
 * only arrivals, and decides synchronously: an arrival that has left can never be part of a pair.
 */
import { Refusal, type Role } from "@serverless-relay/protocol";
import { type Route, routeKey } from "./routes.ts";
import { type Waiter, WaitingSide } from "./waiting-side.ts";

export interface Arrival {
  readonly route: Route;
  readonly channel: string;
  /** the end of the route that has arrived; null behind a plain listener, where any two meet */
  readonly name: string | null;
  /** the side of the inner TLS that it asked for */
  readonly role: Role | undefined;
  /** `performance.now()` at which it has waited long enough */
  readonly deadline: number;
}

export interface Pair<A extends Arrival> {
  /** the one that had been waiting */
  readonly first: A;
  readonly second: A;
}

/** The client went away while it waited: there is nobody left to answer. */
export class Withdrawn extends Error {
  override readonly name = "Withdrawn";
}

/** One channel of one route: who waits there, as f1 and as f2. Made when somebody first waits. */
type Place<A extends Arrival> = [WaitingSide<Waiting<A>> | null, WaitingSide<Waiting<A>> | null];

interface Waiting<A extends Arrival> extends Waiter<Waiting<A>> {
  readonly arrival: A;
  readonly resolve: (pair: Pair<A>) => void;
  readonly reject: (why: Refusal | Withdrawn) => void;
  readonly timer: NodeJS.Timeout;
  /** what the refusal will say if nobody (else) comes */
  readonly reasonSoFar: "peer_timeout" | "peer_vanished" | "role_conflict";
}

export class Rendezvous<A extends Arrival> {
  readonly #routes = new Map<string, Map<string, Place<A>>>(); // route key → channel → place
  readonly #waiting = new Map<A, Waiting<A>>();
  #order = 0;

  /** Everybody who waits. */
  waiting(): A[] {
    return [...this.#waiting.keys()];
  }

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Resolves when a peer is there: both get the same pair. Rejects with Refusal (`peer_timeout`, `role_conflict`,
   * `peer_vanished`, or what `evict` is given) or Withdrawn.
   *
   * `again`: its peer vanished while the two were being joined; it goes back to the head of its queue.
   */
  arrive(arrival: A, options: { again?: boolean } = {}): Promise<Pair<A>> {
    const found = this.#findPlace(arrival)?.[peerEndOf(arrival)]?.oldestFitting(arrival.role) ?? null;
    if (found === null) return this.#wait(arrival, options.again === true);
    this.#leave(found);
    const pair = { first: found.arrival, second: arrival };
    found.resolve(pair);
    return Promise.resolve(pair);
  }

  /** The client behind `arrival` went away. */
  withdraw(arrival: A): void {
    const waiting = this.#waiting.get(arrival);
    if (waiting === undefined) return;
    this.#leave(waiting);
    waiting.reject(new Withdrawn());
  }

  /** Sends away everybody on `route`, or everybody. Returns how many. */
  evict(refusal: Refusal, route?: Route): number {
    const evicted = route === undefined ? [...this.#waiting.values()] : this.#waitingOn(route);
    for (const waiting of evicted) {
      this.#leave(waiting);
      waiting.reject(refusal);
    }
    return evicted.length;
  }

  /** How many wait on `route`. */
  countOn(route: Route): number {
    return this.#waitingOn(route).length;
  }

  #wait(arrival: A, again: boolean): Promise<Pair<A>> {
    const { promise, resolve, reject } = Promise.withResolvers<Pair<A>>();
    const { role } = arrival;
    this.#order++;
    const place = this.#makePlace(arrival);
    const peers = place[peerEndOf(arrival)];
    const conflict = peers?.hasWaiting(role) === true;
    if (role !== undefined) peers?.noteUnmatched(role, this.#order);
    const waiting: Waiting<A> = {
      arrival,
      role,
      order: again ? -this.#order : this.#order,
      resolve,
      reject,
      timer: setTimeout(() => this.#expire(waiting), Math.max(0, arrival.deadline - performance.now())),
      previous: null,
      next: null,
      reasonSoFar: again ? "peer_vanished" : conflict ? "role_conflict" : "peer_timeout",
    };
    const end = endOf(arrival);
    place[end] ??= new WaitingSide();
    place[end].add(waiting);
    this.#waiting.set(arrival, waiting);
    return promise;
  }

  #expire(waiting: Waiting<A>): void {
    const conflict = this.#findPlace(waiting.arrival)?.[endOf(waiting.arrival)]?.metConflict(waiting) === true;
    this.#leave(waiting);
    waiting.reject(
      new Refusal(waiting.reasonSoFar === "peer_timeout" && conflict ? "role_conflict" : waiting.reasonSoFar),
    );
  }

  /** Takes it out of where it waits, and forgets the place if that is empty then. */
  #leave(waiting: Waiting<A>): void {
    const { arrival } = waiting;
    clearTimeout(waiting.timer);
    this.#waiting.delete(arrival);
    const place = this.#findPlace(arrival);
    const end = endOf(arrival);
    place?.[end]?.delete(waiting);
    if (place === undefined || !place.every((side) => side === null || side.isEmpty)) return;
    const key = keyOf(arrival.route);
    const channels = this.#routes.get(key);
    channels?.delete(placeName(arrival));
    if (channels?.size === 0) this.#routes.delete(key);
  }

  #findPlace(arrival: A): Place<A> | undefined {
    return this.#routes.get(keyOf(arrival.route))?.get(placeName(arrival));
  }

  #makePlace(arrival: A): Place<A> {
    const channels = getOrMake(this.#routes, keyOf(arrival.route), () => new Map<string, Place<A>>());
    return getOrMake(channels, placeName(arrival), (): Place<A> => [null, null]);
  }

  #waitingOn(route: Route): Waiting<A>[] {
    const places = this.#routes.get(keyOf(route))?.values() ?? [];
    return [...places].flatMap((place) => place.flatMap((side) => (side === null ? [] : [...side])));
  }
}

function keyOf(route: Route): string {
  return routeKey(route.f1, route.f2);
}

/** A plain end never meets a verified one: it waits at a place that no channel can name. */
function placeName(arrival: Arrival): string {
  return arrival.name === null ? "\nplain" : arrival.channel;
}

/** Which end of its route has arrived. Behind a plain listener, and on an {f, f} route, all are the same. */
function endOf({ name, route }: Arrival): 0 | 1 {
  return name === null || name === route.f1 ? 0 : 1;
}

/** The end of the route that `arrival` waits for. */
function peerEndOf({ name, route }: Arrival): 0 | 1 {
  if (name === null || route.f1 === route.f2) return 0;
  return name === route.f1 ? 1 : 0;
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
