/**
 * Who may come in just now: a place at the gate, admission by the listener's protocol, a route that lets it in, and room for
 * it in the quotas. Whoever is admitted is counted from then on, as a Stay; whoever is not has been answered and reported.
 */
import type { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Refusal } from "@serverless-relay/protocol";
import { Admission, type Admitted } from "./admission/admission.ts";
import { Dropped } from "./admission/drops.ts";
import { Gate, type Place } from "./admission/gate.ts";
import type { Identity } from "./admission/identity.ts";
import { admitPlain } from "./admission/plain.ts";
import type { Request } from "./admission/request.ts";
import type { Credentials } from "./admission/tls-server.ts";
import type { Flaw } from "./admission/trust.ts";
import type { Drain } from "./drain.ts";
import type { Observer } from "./events.ts";
import type { Held } from "./held.ts";
import type { RelayLimits } from "./limits.ts";
import type { Rendezvous } from "./pairing/rendezvous.ts";
import type { Route, RouteTable } from "./pairing/routes.ts";
import type { Quotas, Stay } from "./quotas.ts";
import type { Entrance } from "./relay-options.ts";
import { reportAdmitted, reportKeptOut } from "./reports.ts";
import { plainTerms, type Terms, termsOf } from "./terms.ts";

/** Seconds after which a client that found the relay full may try again. */
const RETRY_AFTER_S = 1;

/** What a caller was allowed to, and what it is counted as. */
export interface Granted extends Terms {
  readonly stay: Stay;
}

interface Surroundings {
  readonly routes: RouteTable;
  readonly rendezvous: Rendezvous<Held>;
  readonly quotas: Quotas;
  readonly drain: Drain;
  readonly observe: Observer;
}

export class Entering {
  readonly #here: Surroundings;
  readonly #admission: Admission;
  readonly #gate: Gate;
  readonly #sockets = new Set<Socket>();
  #limits: RelayLimits;
  #onNobody: (() => void) | null = null;

  constructor(credentials: Credentials, limits: RelayLimits, here: Surroundings) {
    this.#here = here;
    this.#limits = limits;
    this.#gate = new Gate(limits);
    this.#admission = new Admission(credentials, limits, here.observe);
  }

  setLimits(limits: RelayLimits): void {
    this.#limits = limits;
    this.#gate.setLimits(limits);
    this.#admission.setLimits(limits);
  }

  /** Throws, and changes nothing, if they are not usable. */
  setCredentials(credentials: Credentials): void {
    this.#admission.setCredentials(credentials);
  }

  /** Why the certificate of somebody who was admitted is not good by now; null if it is. Its dates are not looked at. */
  flawOf(identity: Identity): Flaw | null {
    return this.#admission.flawOf(identity);
  }

  /** How many are on their way in. */
  get size(): number {
    return this.#gate.size;
  }

  /** On their way in, parked, and in sessions. */
  get connections(): number {
    return this.#gate.size + this.#here.quotas.connections;
  }

  /** Null if there is none: then it has been closed and reported, before anything was done for it. */
  placeFor(socket: Socket): Place | null {
    try {
      return this.#gate.enter(socket);
    } catch (error) {
      if (!(error instanceof Dropped)) throw error;
      const report = reportKeptOut(socket, error);
      socket.on("error", () => {}).resetAndDestroy(); // a FIN would leave the kernel a connection in TIME_WAIT
      this.#here.observe(report);
      return null;
    }
  }

  /** Null if it was not admitted, which has been answered and reported. */
  async admit(socket: Socket, place: Place, entrance: Entrance): Promise<Admitted<Granted> | null> {
    this.#sockets.add(socket);
    try {
      const admitted = await this.#admit(socket, place, entrance);
      this.#here.observe(reportAdmitted(admitted));
      return admitted;
    } catch (error) {
      if (error instanceof Refusal || error instanceof Dropped) return null;
      throw error;
    } finally {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#onNobody?.();
    }
  }

  /** Resolves once nobody is being admitted any more: while it drains, each has been told why not. At most after `ms`. */
  async settled(ms: number): Promise<void> {
    if (this.#sockets.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onNobody = resolve;
    const patience = setTimeout(resolve, ms);
    await promise;
    clearTimeout(patience);
    await nextTurn(); // by then the last of them has been parked, or turned away
  }

  /** Those who are on their way in do not get any further. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #admit(socket: Socket, place: Place, entrance: Entrance): Promise<Admitted<Granted>> {
    const { quotas, rendezvous } = this.#here;
    const granted: Granted[] = [];
    const grant = (terms: Terms): Granted => {
      const counted = { ...terms, stay: quotas.begin(terms, rendezvous.hasPeerFor(terms)) };
      granted.push(counted);
      return counted;
    };
    try {
      return await this.#admitAs(socket, place, entrance, grant);
    } catch (error) {
      for (const { stay } of granted) quotas.end(stay); // it failed after that: it did not detach
      throw error;
    }
  }

  async #admitAs(
    socket: Socket,
    place: Place,
    entrance: Entrance,
    grant: (terms: Terms) => Granted,
  ): Promise<Admitted<Granted>> {
    if (entrance.protocol === "plain") {
      return admitPlain(socket, place, () => grant(this.#authorizePlain(entrance.route)), this.#here.observe);
    }
    return await this.#admission.admit(socket, place, entrance.protocol, (identity, flaw, request) =>
      grant(this.#authorize(entrance, identity, flaw, request)),
    );
  }

  #authorize(entrance: Entrance, identity: Identity, flaw: Flaw | null, request: Request | null): Terms {
    if (flaw === null) this.#checkOpen();
    const terms = termsOf(entrance, identity, flaw, request, this.#here.routes, this.#limits);
    if (flaw !== null) this.#checkOpen(); // only now it is somebody to whom that may be told
    return terms;
  }

  #authorizePlain(route: Route): Terms {
    this.#checkOpen();
    return plainTerms(route, this.#limits);
  }

  /** Throws Refusal if nobody is admitted just now. */
  #checkOpen(): void {
    this.#here.drain.check();
    if (this.connections > this.#limits.connections) {
      throw new Refusal("full", { retryAfter: RETRY_AFTER_S, limit: "connections" });
    }
  }
}
