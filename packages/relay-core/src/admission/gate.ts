/**
 * Who may come in at all, decided before anything is made for a connection: so many from one address in a second, so many that
 * have not been authorized yet from one address and in all. Promises: whoever holds his place for long without being authorized
 * is not in the way of others. When the places are all taken, the one that has had its for longest makes room for a newcomer,
 * unless none has had it for even a second.
 */
import type { Socket } from "node:net";
import { ArrivalRates } from "../arrival-rates.ts";
import type { LimitName } from "../limits.ts";
import { Dropped } from "./drops.ts";
import { sourceOf } from "./source.ts";

export interface GateLimits {
  /** connections that have not been authorized yet, those that are being refused included */
  readonly handshakes: number;
  /** the same from one IPv4 address, or from one /64 of IPv6 */
  readonly handshakesPerAddress: number;
  /** connections a second from one IPv4 address, or from one /64 of IPv6 */
  readonly arrivalsPerAddress: number;
}

/** An honest client is in within this time, or nearly so: three round trips. */
const GRACE_MS = 1_000;

/** A connection on its way in. Its place is free once it has left, or its socket is closed. */
export interface Place {
  /** what is done to it if it has to make room */
  onCrowdedOut: (why: Dropped) => void;
  /** It was authorized: from now on it counts as its function's. Does nothing the second time. */
  readonly leave: () => void;
}

interface Taken extends Place {
  /** `performance.now()` */
  readonly since: number;
}

export class Gate {
  #limits: GateLimits;
  readonly #rates: ArrivalRates;
  /** both oldest first */
  readonly #taken = new Set<Taken>();
  readonly #bySource = new Map<string, Set<Taken>>();

  constructor(limits: GateLimits) {
    this.#limits = limits;
    this.#rates = new ArrivalRates(limits.arrivalsPerAddress);
  }

  /** From the next newcomer on. */
  setLimits(limits: GateLimits): void {
    this.#limits = limits;
    this.#rates.perSecond = limits.arrivalsPerAddress;
  }

  /** How many are on their way in. */
  get size(): number {
    return this.#taken.size;
  }

  /** Gives the newcomer a place. Throws Dropped, having changed nothing about it. */
  enter(socket: Socket): Place {
    const now = performance.now();
    const source = sourceOf(socket.remoteAddress);
    if (!this.#rates.admits(source, now)) throw new Dropped("too_many_arrivals", { limit: "arrivalsPerAddress" });
    const { handshakes, handshakesPerAddress } = this.#limits;
    const others = this.#bySource.get(source);
    if (others !== undefined && others.size >= handshakesPerAddress) makeRoom(others, "handshakesPerAddress", now);
    if (this.#taken.size >= handshakes) makeRoom(this.#taken, "handshakes", now);
    return this.#take(socket, source, now);
  }

  #take(socket: Socket, source: string, since: number): Place {
    const leave = () => {
      socket.off("close", leave);
      if (!this.#taken.delete(place)) return;
      const fellows = this.#bySource.get(source);
      fellows?.delete(place);
      if (fellows?.size === 0) this.#bySource.delete(source);
    };
    const place: Taken = { since, leave, onCrowdedOut: () => socket.destroy() };
    this.#taken.add(place);
    const fellows = this.#bySource.get(source);
    if (fellows === undefined) this.#bySource.set(source, new Set([place]));
    else fellows.add(place);
    socket.once("close", leave);
    return place;
  }
}

/** Throws Dropped if nobody has been there long enough. */
function makeRoom(places: ReadonlySet<Taken>, limit: LimitName, now: number): void {
  const [oldest] = places;
  if (oldest === undefined || now - oldest.since < GRACE_MS) throw new Dropped("too_many_handshakes", { limit });
  oldest.leave();
  oldest.onCrowdedOut(new Dropped("too_many_handshakes", { limit, detail: "it made room for a newcomer" }));
}
