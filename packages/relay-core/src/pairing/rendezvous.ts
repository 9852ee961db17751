/**
 * Where admitted connections wait for one another: matched by route and channel, oldest first. It holds no connection,
 * only arrivals, and decides synchronously: an arrival that has left can never be part of a pair.
 */
import { Refusal, type Role } from "@serverless-relay/protocol";
import { inSlices } from "../in-slices.ts";
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

/** As far as it decides whom an arrival meets. */
type Asking = Omit<Arrival, "deadline">;

export interface Pair<A extends Arrival> {
  /** the one that had been waiting */
  readonly first: A;
  readonly second: A;
  /** what another relay has decided on, where one of the two is parked there */
  readonly told?: { readonly session: string; readonly roleOfSecond: Role };
}

/** The client went away while it waited: there is nobody left to answer. */
export class Withdrawn extends Error {
  override readonly name = "Withdrawn";
}

/** One channel of one route: who waits there, as f1 and as f2. Made when somebody first waits. */
type Place<A extends Arrival> = [WaitingSide<Waiting<A>> | null, WaitingSide<Waiting<A>> | null];

/** Those who wait on one route. */
interface Gathering<A extends Arrival> {
  /** by channel */
  readonly places: Map<string, Place<A>>;
  count: number;
}

/** Those who were sent away: out of every queue at once, so that none of them can be paired any more. */
export interface Evicted {
  readonly count: number;
  /** resolves when each has been told */
  readonly told: Promise<void>;
}

interface Waiting<A extends Arrival> extends Waiter<Waiting<A>> {
  readonly arrival: A;
  readonly gathering: Gathering<A>;
  place: Place<A>;
  readonly resolve: (pair: Pair<A>) => void;
  readonly reject: (why: Refusal | Withdrawn) => void;
  timer: NodeJS.Timeout;
  /** what the refusal will say if nobody (else) comes */
  reasonSoFar: "peer_timeout" | "peer_vanished" | "role_conflict";
}

export class Rendezvous<A extends Arrival> {
  readonly #routes = new Map<string, Gathering<A>>(); // by route key
  readonly #waiting = new Map<A, Waiting<A>>();
  /** they wait, but in no queue: somebody elsewhere is to have them */
  readonly #taken = new Set<Waiting<A>>();
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
    const found = this.#fitting(arrival);
    if (found === null) return this.#wait(arrival, options.again === true);
    this.#leave(found);
    const pair = { first: found.arrival, second: arrival };
    found.resolve(pair);
    return Promise.resolve(pair);
  }

  /** Whether somebody waits whom an arrival like this would meet at once. */
  hasPeerFor(arrival: Asking): boolean {
    return this.#fitting(arrival) !== null;
  }

  /** Whether it waits, taken or not. */
  has(arrival: A): boolean {
    return this.#waiting.has(arrival);
  }

  /** Takes one that waits out of its queue: it meets nobody here until it is put back, or settled. False if it does not wait. */
  take(arrival: A): boolean {
    const waiting = this.#waiting.get(arrival);
    if (waiting === undefined || this.#taken.has(waiting) || !this.#isGathered(waiting)) return false;
    clearTimeout(waiting.timer);
    if (metConflict(waiting)) noteConflict(waiting); // its place may be forgotten meanwhile
    unqueue(waiting);
    this.#taken.add(waiting);
    return true;
  }

  /** One that was taken meets whom it would have met meanwhile, or waits again, where it stood; it may have left. */
  putBack(arrival: A): void {
    const waiting = this.#waiting.get(arrival);
    if (waiting === undefined || !this.#taken.has(waiting) || !this.#isGathered(waiting)) return;
    const found = this.#fitting(arrival);
    if (found !== null) {
      for (const each of [found, waiting]) this.#leave(each);
      const pair = { first: found.arrival, second: arrival };
      for (const each of [found, waiting]) each.resolve(pair);
      return;
    }
    this.#taken.delete(waiting);
    waiting.timer = setTimeout(() => this.#expire(waiting), timeLeft(arrival));
    waiting.place = placeIn(waiting.gathering, arrival);
    this.#noteUnmatched(waiting);
    enqueue(waiting);
  }

  /** One that was taken has its pair. False if it has left meanwhile. */
  settle(arrival: A, pair: Pair<A>): boolean {
    const waiting = this.#waiting.get(arrival);
    if (waiting === undefined || !this.#taken.has(waiting) || !this.#isGathered(waiting)) return false;
    this.#leave(waiting);
    waiting.resolve(pair);
    return true;
  }

  /** A peer came, elsewhere, that asked for the same role. */
  noteConflict(arrival: A): void {
    const waiting = this.#waiting.get(arrival);
    if (waiting !== undefined) noteConflict(waiting);
  }

  /** The client behind `arrival` went away. */
  withdraw(arrival: A): void {
    const waiting = this.#waiting.get(arrival);
    if (waiting === undefined) return;
    this.#leave(waiting);
    waiting.reject(new Withdrawn());
  }

  /** Sends `arrival` away. False if it does not wait any more. */
  refuse(arrival: A, refusal: Refusal): boolean {
    const waiting = this.#waiting.get(arrival);
    if (waiting === undefined) return false;
    this.#leave(waiting);
    waiting.reject(refusal);
    return true;
  }

  /** Sends away everybody on `route`, or everybody, taken or not. They are told in slices, for there may be thousands. */
  evict(refusal: Refusal, route?: Route): Evicted {
    const evicted = route === undefined ? [...this.#waiting.values()] : this.#waitingOn(route);
    if (route === undefined) this.#routes.clear();
    else this.#routes.delete(keyOf(route));
    const told = inSlices(evicted, (waiting) => {
      if (!this.#waiting.has(waiting.arrival)) return; // it went away, or had waited long enough, meanwhile
      this.#leave(waiting);
      waiting.reject(refusal);
    });
    return { count: evicted.length, told };
  }

  /** Who waits on `route`, taken or not. */
  waitingOn(route: Route): A[] {
    return this.#waitingOn(route).map(({ arrival }) => arrival);
  }

  /** How many wait on `route`. */
  countOn(route: Route): number {
    return this.#routes.get(keyOf(route))?.count ?? 0;
  }

  #wait(arrival: A, again: boolean): Promise<Pair<A>> {
    const { promise, resolve, reject } = Promise.withResolvers<Pair<A>>();
    const { role } = arrival;
    this.#order++;
    const gathering = getOrMake(this.#routes, keyOf(arrival.route), newGathering<A>);
    const waiting: Waiting<A> = {
      arrival,
      gathering,
      place: placeIn(gathering, arrival),
      role,
      order: again ? -this.#order : this.#order,
      resolve,
      reject,
      timer: setTimeout(() => this.#expire(waiting), timeLeft(arrival)),
      previous: null,
      next: null,
      reasonSoFar: again ? "peer_vanished" : "peer_timeout",
    };
    gathering.count++;
    this.#noteUnmatched(waiting);
    enqueue(waiting);
    this.#waiting.set(arrival, waiting);
    return promise;
  }

  /** It comes to its place, and finds nobody who fits: whoever is there on the other side asks for the same role. */
  #noteUnmatched(waiting: Waiting<A>): void {
    const { arrival, place, role } = waiting;
    const peers = place[peerEndOf(arrival)];
    if (role === undefined || !peers) return;
    if (peers.hasWaiting(role)) noteConflict(waiting);
    peers.noteUnmatched(role, ++this.#order);
  }

  #expire(waiting: Waiting<A>): void {
    if (metConflict(waiting)) noteConflict(waiting);
    this.#leave(waiting);
    waiting.reject(new Refusal(waiting.reasonSoFar));
  }

  #leave(waiting: Waiting<A>): void {
    const { arrival, gathering } = waiting;
    clearTimeout(waiting.timer);
    this.#waiting.delete(arrival);
    if (!this.#taken.delete(waiting)) unqueue(waiting);
    gathering.count--;
    if (gathering.count === 0 && this.#isGathered(waiting)) this.#routes.delete(keyOf(arrival.route));
  }

  /** It has not been evicted, though others may have gathered on its route since. */
  #isGathered({ arrival, gathering }: Waiting<A>): boolean {
    return this.#routes.get(keyOf(arrival.route)) === gathering;
  }

  #fitting(arrival: Asking): Waiting<A> | null {
    return this.#findPlace(arrival)?.[peerEndOf(arrival)]?.oldestFitting(arrival.role) ?? null;
  }

  #findPlace(arrival: Asking): Place<A> | undefined {
    return this.#routes.get(keyOf(arrival.route))?.places.get(placeName(arrival));
  }

  #waitingOn(route: Route): Waiting<A>[] {
    const gathering = this.#routes.get(keyOf(route));
    if (gathering === undefined) return [];
    const taken = [...this.#taken].filter((waiting) => waiting.gathering === gathering);
    const places = [...gathering.places.values()];
    return [...places.flatMap((place) => place.flatMap((side) => (side === null ? [] : [...side]))), ...taken];
  }
}

/** Whether a peer came, since it waits at its place, that asked for the same role. */
function metConflict<A extends Arrival>(waiting: Waiting<A>): boolean {
  return waiting.place[endOf(waiting.arrival)]?.metConflict(waiting) === true;
}

function noteConflict<A extends Arrival>(waiting: Waiting<A>): void {
  if (waiting.reasonSoFar === "peer_timeout") waiting.reasonSoFar = "role_conflict";
}

/** Has it wait at its place. */
function enqueue<A extends Arrival>(waiting: Waiting<A>): void {
  const end = endOf(waiting.arrival);
  waiting.place[end] ??= new WaitingSide();
  waiting.place[end].add(waiting);
}

/** Takes it out of where it waits, and forgets the place if that is empty then. */
function unqueue<A extends Arrival>(waiting: Waiting<A>): void {
  const { arrival, place, gathering } = waiting;
  place[endOf(arrival)]?.delete(waiting);
  if (place.every((side) => side === null || side.isEmpty)) gathering.places.delete(placeName(arrival));
}

function placeIn<A extends Arrival>({ places }: Gathering<A>, arrival: A): Place<A> {
  return getOrMake(places, placeName(arrival), (): Place<A> => [null, null]);
}

function timeLeft({ deadline }: Arrival): number {
  return Math.max(0, deadline - performance.now());
}

function keyOf(route: Route): string {
  return routeKey(route.f1, route.f2);
}

/** A plain end never meets a verified one: it waits at a place that no channel can name. */
function placeName(arrival: Asking): string {
  return arrival.name === null ? "\nplain" : arrival.channel;
}

/** Which end of its route has arrived. Behind a plain listener, and on an {f, f} route, all are the same. */
function endOf({ name, route }: Arrival): 0 | 1 {
  return name === null || name === route.f1 ? 0 : 1;
}

/** The end of the route that `arrival` waits for. */
function peerEndOf({ name, route }: Asking): 0 | 1 {
  if (name === null || route.f1 === route.f2) return 0;
  return name === route.f1 ? 1 : 0;
}

function newGathering<A extends Arrival>(): Gathering<A> {
  return { places: new Map(), count: 0 };
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
