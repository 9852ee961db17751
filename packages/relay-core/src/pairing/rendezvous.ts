/**
 * Where admitted connections wait for one another: matched by route and channel, oldest first. It holds no connection,
 * only arrivals, and decides synchronously: an arrival that has left can never be part of a pair.
 */
import { Refusal, type Role } from "@serverless-relay/protocol";
import { type Route, routeKey } from "./routes.ts";
import { WaitingSide } from "./waiting-side.ts";

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

/** One channel of one route: who waits there, by the end of the route that they are. */
type Place<A extends Arrival> = Map<string | null, WaitingSide<Waiting<A>>>;

interface Waiting<A extends Arrival> {
  readonly arrival: A;
  readonly role: Role | undefined;
  readonly order: number;
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
    const found = this.#side(arrival, peerOf(arrival)).takeFitting(arrival.role);
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
    const peers = this.#side(arrival, peerOf(arrival));
    const conflict = peers.hasWaiting(role);
    if (role !== undefined) peers.noteUnmatched(role, this.#order);
    const waiting: Waiting<A> = {
      arrival,
      role,
      order: again ? -this.#order : this.#order,
      resolve,
      reject,
      timer: setTimeout(() => this.#expire(waiting), Math.max(0, arrival.deadline - performance.now())),
      reasonSoFar: again ? "peer_vanished" : conflict ? "role_conflict" : "peer_timeout",
    };
    this.#side(arrival, arrival.name).add(waiting);
    this.#waiting.set(arrival, waiting);
    return promise;
  }

  #expire(waiting: Waiting<A>): void {
    const conflict = this.#side(waiting.arrival, waiting.arrival.name).metConflict(waiting);
    this.#leave(waiting);
    waiting.reject(
      new Refusal(waiting.reasonSoFar === "peer_timeout" && conflict ? "role_conflict" : waiting.reasonSoFar),
    );
  }

  /** Takes it out of wherever it waits. */
  #leave(waiting: Waiting<A>): void {
    const { arrival } = waiting;
    clearTimeout(waiting.timer);
    this.#waiting.delete(arrival);
    this.#side(arrival, arrival.name).delete(waiting);
    this.#tidy(arrival);
  }

  #side(arrival: A, name: string | null): WaitingSide<Waiting<A>> {
    const channels = getOrMake(this.#routes, routeKey(arrival.route.f1, arrival.route.f2), () => new Map());
    const place = getOrMake(channels, placeName(arrival), () => new Map());
    return getOrMake(place, name, () => new WaitingSide());
  }

  /** Forgets a place where nobody waits. */
  #tidy(arrival: A): void {
    const key = routeKey(arrival.route.f1, arrival.route.f2);
    const channels = this.#routes.get(key);
    const place = channels?.get(placeName(arrival));
    if (channels === undefined || place === undefined) return;
    for (const side of place.values()) if (side.size > 0) return;
    channels.delete(placeName(arrival));
    if (channels.size === 0) this.#routes.delete(key);
  }

  #waitingOn(route: Route): Waiting<A>[] {
    const places = this.#routes.get(routeKey(route.f1, route.f2))?.values() ?? [];
    return [...places].flatMap((place) => [...place.values()].flatMap((side) => [...side]));
  }
}

/** A plain end never meets a verified one: it waits at a place that no channel can name. */
function placeName(arrival: Arrival): string {
  return arrival.name === null ? "\nplain" : arrival.channel;
}

/** The end of the route that `arrival` waits for: itself on an {f, f} route. */
function peerOf({ name, route }: Arrival): string | null {
  if (name === null) return null;
  return name === route.f1 ? route.f2 : route.f1;
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
