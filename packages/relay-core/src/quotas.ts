/**
 * What functions and routes use of the relay, and how much they may: connections, parked ones, sessions, arrivals. A connection
 * is counted from when it is authorized until it is over, as a Stay. Decisions are synchronous, and reserve what they allow.
 */
import { Refusal } from "@serverless-relay/protocol";
import { ArrivalRates } from "./arrival-rates.ts";
import type { LimitName } from "./limits.ts";
import { type Route, type RouteOptions, type RouteTable, routeKey } from "./pairing/routes.ts";

export interface QuotaLimits {
  /** connections a second of one function, counted once its certificate has been verified */
  readonly arrivalsPerFunction: number;
  /** of one function, parked and in sessions */
  readonly connectionsPerFunction: number;
  readonly parkedPerFunction: number;
  /** of both ends together */
  readonly parkedPerRoute: number;
  readonly sessions: number;
  readonly sessionsPerFunction: number;
  readonly sessionsPerRoute: number;
}

/** Whose connection it is. */
export interface Claimant {
  readonly route: Route;
  /** null behind a plain listener: nobody's, then, but its route's */
  readonly name: string | null;
  readonly channel: string;
}

/** One connection, as far as it is counted: Quotas alone writes here. Whoever has it ends it. */
export interface Stay {
  readonly route: Route;
  readonly name: string | null;
  /** null where the route does not limit its channels */
  readonly channel: string | null;
  parked: boolean;
  /** a session was reserved for it; its peer's is the same one, and is not counted again */
  session: boolean;
  /** the route for one session that it has had: nobody else begins one there */
  claim: Route | null;
  over: boolean;
}

interface Stayed {
  /** null of one that leads to another relay, where it is counted */
  readonly stay: Stay | null;
}

interface Tally {
  connections: number;
  parked: number;
  sessions: number;
}

interface RouteTally extends Tally {
  /** how many connections each has; only where the route limits its channels */
  readonly channels: Map<string, number>;
}

/** Seconds after which it may be otherwise: a rate soon is, while a place must be given up by somebody. */
const RETRY_RATE_S = 1;
const RETRY_PLACE_S = 5;

export class Quotas {
  #limits: QuotaLimits;
  readonly #rates: ArrivalRates;
  readonly #inForce: Pick<RouteTable, "find">;
  readonly #functions = new Map<string, Tally>();
  readonly #routes = new Map<string, RouteTally>();
  /** routes for one session, which is about to begin. One that is added in its place later is another, for another session. */
  readonly #claimed = new Set<Route>();
  #connections = 0;
  #sessions = 0;

  /** `routes`: those in force, for a route may be replaced by one with other options */
  constructor(limits: QuotaLimits, routes: Pick<RouteTable, "find">) {
    this.#limits = limits;
    this.#inForce = routes;
    this.#rates = new ArrivalRates(limits.arrivalsPerFunction);
  }

  /** From the next decision on; whoever is here already stays. */
  setLimits(limits: QuotaLimits): void {
    this.#limits = limits;
    this.#rates.perSecond = limits.arrivalsPerFunction;
  }

  /** Stays in all. */
  get connections(): number {
    return this.#connections;
  }

  /** Those that are about to begin included. */
  get sessions(): number {
    return this.#sessions;
  }

  /** The claimant may stay: throws Refusal if not. `peerWaits`: it would not be parked, but begin a session. */
  begin(claimant: Claimant, peerWaits: boolean): Stay {
    const { route, name, channel } = claimant;
    if (name !== null) {
      if (!this.#rates.admits(name, performance.now())) throw exceeded("arrivalsPerFunction", RETRY_RATE_S);
      const { connections = 0 } = this.#functions.get(name) ?? {};
      if (connections >= this.#limits.connectionsPerFunction) throw exceeded("connectionsPerFunction");
    }
    const { channelLimit } = this.#optionsOf(route);
    const channels = this.#routes.get(keyOf(route))?.channels;
    if (
      channelLimit !== undefined &&
      channels !== undefined &&
      !channels.has(channel) &&
      channels.size >= channelLimit
    ) {
      throw exceeded("channelLimit");
    }
    if (peerWaits) this.#checkSession(route, name);
    else this.#checkParking(route, name, 1);
    return this.#count(claimant);
  }

  /** It is about to be parked: throws Refusal if by now there is no room for it. */
  checkParking(stay: Stay | null): void {
    if (stay !== null) this.#checkParking(stay.route, stay.name, 0);
  }

  /** It is about to begin a session, which is counted from now on. Throws Refusal if there may be no more. */
  reserveSession(stay: Stay | null): void {
    if (stay === null) return;
    this.#checkSession(stay.route, stay.name);
    const route = this.#inForce.find(stay.route.f1, stay.route.f2);
    if (route?.options?.once === true) {
      this.#claimed.add(route);
      stay.claim = route;
    }
    stay.session = true;
    this.#countSession(stay, 1);
  }

  /** Whether the two may begin a session, which one of them may have reserved; else it is reserved now. */
  mayBegin({ first, second }: { readonly first: Stayed; readonly second: Stayed }): boolean {
    if (first.stay?.session === true || second.stay?.session === true) return true;
    try {
      this.reserveSession(first.stay ?? second.stay);
      return true;
    } catch (error) {
      if (error instanceof Refusal) return false;
      throw error;
    }
  }

  /** Its session did not begin, or has ended. */
  releaseSession(stay: Stay | null): void {
    if (stay === null || !stay.session) return;
    stay.session = false;
    if (stay.claim !== null) this.#claimed.delete(stay.claim);
    stay.claim = null;
    this.#countSession(stay, -1);
  }

  /** It is parked no more: its session has begun. */
  unpark(stay: Stay | null): void {
    if (stay === null || !stay.parked) return;
    stay.parked = false;
    this.#change(this.#routes, keyOf(stay.route), "parked", -1);
    if (stay.name !== null) this.#change(this.#functions, stay.name, "parked", -1);
  }

  /** It is over; to say so again does nothing. */
  end(stay: Stay | null): void {
    if (stay === null || stay.over) return;
    this.releaseSession(stay);
    this.unpark(stay);
    stay.over = true;
    this.#connections--;
    if (stay.channel !== null) this.#endChannel(stay.route, stay.channel);
    this.#change(this.#routes, keyOf(stay.route), "connections", -1);
    if (stay.name !== null) this.#change(this.#functions, stay.name, "connections", -1);
  }

  #count({ route, name, channel }: Claimant): Stay {
    const ofFunction = name === null ? null : getOrMake(this.#functions, name, newTally);
    const ofRoute = getOrMake(this.#routes, keyOf(route), newRouteTally);
    this.#connections++;
    for (const tally of [ofFunction, ofRoute]) {
      if (tally === null) continue;
      tally.connections++;
      tally.parked++;
    }
    const limited = this.#optionsOf(route).channelLimit !== undefined;
    if (limited) ofRoute.channels.set(channel, (ofRoute.channels.get(channel) ?? 0) + 1);
    const channelOf = limited ? channel : null;
    return { route, name, channel: channelOf, parked: true, session: false, claim: null, over: false };
  }

  /** Throws Refusal if `more` would be too many. */
  #checkParking(route: Route, name: string | null, more: number): void {
    const { parked: ofFunction = 0 } = (name === null ? undefined : this.#functions.get(name)) ?? {};
    const { parked: ofRoute = 0 } = this.#routes.get(keyOf(route)) ?? {};
    if (ofFunction + more > this.#limits.parkedPerFunction) throw exceeded("parkedPerFunction");
    if (ofRoute + more > this.#limits.parkedPerRoute) throw exceeded("parkedPerRoute");
  }

  #checkSession(route: Route, name: string | null): void {
    const inForce = this.#inForce.find(route.f1, route.f2);
    const { maxSessions = Number.POSITIVE_INFINITY } = inForce?.options ?? {};
    const { sessions: ofRoute = 0 } = this.#routes.get(keyOf(route)) ?? {};
    if (inForce !== undefined && this.#claimed.has(inForce)) throw exceeded("once");
    if (ofRoute >= maxSessions) throw exceeded("maxSessions");
    if (ofRoute >= this.#limits.sessionsPerRoute) throw exceeded("sessionsPerRoute");
    for (const end of name === null ? [] : endsOf(route)) {
      const { sessions = 0 } = this.#functions.get(end) ?? {};
      if (sessions >= this.#limits.sessionsPerFunction) throw exceeded("sessionsPerFunction");
    }
    const limit: LimitName = "sessions";
    if (this.#sessions >= this.#limits.sessions) throw new Refusal("full", { retryAfter: RETRY_PLACE_S, limit });
  }

  #optionsOf({ f1, f2 }: Route): RouteOptions {
    return this.#inForce.find(f1, f2)?.options ?? {};
  }

  #countSession({ route, name }: Stay, change: 1 | -1): void {
    this.#sessions += change;
    this.#change(this.#routes, keyOf(route), "sessions", change);
    for (const end of name === null ? [] : endsOf(route)) {
      if (change === 1) getOrMake(this.#functions, end, newTally);
      this.#change(this.#functions, end, "sessions", change);
    }
  }

  #endChannel(route: Route, channel: string): void {
    const channels = this.#routes.get(keyOf(route))?.channels;
    const others = (channels?.get(channel) ?? 1) - 1;
    if (others === 0) channels?.delete(channel);
    else channels?.set(channel, others);
  }

  /** A tally of nothing is forgotten. */
  #change<T extends Tally>(tallies: Map<string, T>, key: string, what: keyof Tally, change: 1 | -1): void {
    const tally = tallies.get(key);
    if (tally === undefined) return;
    tally[what] += change;
    if (tally.connections === 0 && tally.sessions === 0) tallies.delete(key);
  }
}

function exceeded(limit: LimitName, retryAfter = RETRY_PLACE_S): Refusal {
  return new Refusal("quota_exceeded", { retryAfter, limit });
}

function keyOf({ f1, f2 }: Route): string {
  return routeKey(f1, f2);
}

function endsOf({ f1, f2 }: Route): readonly string[] {
  return f1 === f2 ? [f1] : [f1, f2];
}

const newTally = (): Tally => ({ connections: 0, parked: 0, sessions: 0 });
const newRouteTally = (): RouteTally => ({ ...newTally(), channels: new Map() });

function getOrMake<T>(tallies: Map<string, T>, key: string, make: () => T): T {
  const found = tallies.get(key);
  if (found !== undefined) return found;
  const made = make();
  tallies.set(key, made);
  return made;
}
