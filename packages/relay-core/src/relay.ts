/**
 * The relay: joins the three rooms. One connection's story is `accept`: it enters (admitted, parked) and meets (paired,
 * carried), each step in a room of its own; what crosses between them is plain data.
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
import { formatRefusal } from "./answers.ts";
import { Bandwidth } from "./bandwidth.ts";
import { Drain, type DrainTimes } from "./drain.ts";
import type { Observer } from "./events.ts";
import { type Held, namesOf, peerNameOf } from "./held.ts";
import { identify } from "./ids.ts";
import { Joins } from "./joins.ts";
import { limitIn, type RelayLimits, type Usage } from "./limits.ts";
import { type Joined, LiveSessions } from "./live-sessions.ts";
import { type Pair, Rendezvous, Withdrawn } from "./pairing/rendezvous.ts";
import { type Route, RouteTable } from "./pairing/routes.ts";
import { Quotas, type Stay } from "./quotas.ts";
import {
  type CertificatePolicy,
  DEFAULT_CERTIFICATE_POLICY,
  type Entrance,
  type RelayOptions,
} from "./relay-options.ts";
import type { LiveSession, Parked } from "./relay-view.ts";
import { Seeking } from "./seeking.ts";
import type { CloseReason } from "./splice/plane.ts";
import { type Review, Standing } from "./standing.ts";
import { plainTerms, type Terms, termsOf } from "./terms.ts";

/** Seconds after which a client that found the relay full or draining may try again. */
const RETRY_AFTER_S = 1;

/** What a caller was allowed to, and what it is counted as. */
interface Granted extends Terms {
  readonly stay: Stay;
}

export class Relay {
  readonly routes = new RouteTable((route) => this.#renewBandwidth(this.#sessions.on(route)));
  readonly #options: RelayOptions;
  readonly #admission: Admission;
  readonly #rendezvous = new Rendezvous<Held>();
  readonly #bandwidth: Bandwidth;
  readonly #joins: Joins;
  readonly #sessions: LiveSessions;
  readonly #standing: Standing;
  readonly #seeking: Seeking | null;
  readonly #gate: Gate;
  readonly #quotas: Quotas;
  readonly #admitting = new Set<Socket>();
  #limits: RelayLimits;
  #drain: Drain | null = null;
  #drained: Promise<void> | null = null;
  #onNobodyEntering: (() => void) | null = null;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#limits = options.limits;
    this.#gate = new Gate(options.limits);
    this.#quotas = new Quotas(options.limits, this.routes);
    this.#sessions = new LiveSessions(options.limits);
    this.#admission = new Admission(options.credentials, options.limits, options.observe);
    const policy = options.certificates ?? DEFAULT_CERTIFICATE_POLICY;
    this.#standing = new Standing(this.routes, this.#rendezvous, this.#sessions, policy, (identity) =>
      this.#admission.flawOf(identity),
    );
    this.#bandwidth = new Bandwidth(options.plane, options.limits.bandwidth ?? {});
    this.#joins = new Joins(
      options.plane,
      this.#bandwidth,
      (pair) => this.#standing.mayMeet(pair) && this.#quotas.mayBegin(pair),
      (joined, pair) => this.#began(joined, pair),
    );
    const { plane, elsewhere } = options;
    this.#seeking =
      elsewhere === undefined
        ? null
        : new Seeking(elsewhere, { plane, rendezvous: this.#rendezvous, joins: this.#joins });
  }

  /** Null unless it is draining. */
  get draining(): DrainTimes | null {
    return this.#drain;
  }

  /** Takes over a connection that has just been accepted, with `allowHalfOpen`. */
  accept(socket: Socket, entrance: Entrance): void {
    const place = this.#placeFor(socket);
    if (place === null) return;
    // Two steps, for whoever is parked has left the first one: nothing of it, not even the socket, is held on to.
    this.#enter(socket, place, entrance).then(
      (held) => {
        if (held !== null) void this.#meet(held);
      },
      (error: unknown) => {
        socket.destroy();
        this.#reportBug(identify(socket), error);
      },
    );
  }

  parked(): readonly Parked[] {
    return this.#rendezvous.waiting();
  }

  parkedOn(route: Route): number {
    return this.#rendezvous.countOn(route);
  }

  get limits(): RelayLimits {
    return this.#limits;
  }

  /** From now on these hold. Whoever is here already stays, but for sessions that have lasted, or been idle, for too long. */
  setLimits(limits: RelayLimits): void {
    this.#limits = limits;
    this.#gate.setLimits(limits);
    this.#quotas.setLimits(limits);
    this.#admission.setLimits(limits);
    this.#sessions.setTimes(limits);
    this.#bandwidth.limits = limits.bandwidth ?? {};
    this.#renewBandwidth(this.#sessions.all());
  }

  usage(): Usage {
    return { handshakes: this.#gate.size, connections: this.#connections, sessions: this.#quotas.sessions };
  }

  /** How many are parked in all. */
  get parkedCount(): number {
    return this.#rendezvous.size;
  }

  sessions(): LiveSession[] {
    return this.#sessions.list();
  }

  /** How many sessions are under way. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  sessionsOn(route: Route): number {
    return this.#sessions.countOn(route);
  }

  /** Whether one connection more is one too many. */
  get full(): boolean {
    return this.#connections >= this.#limits.connections;
  }

  /** Undefined if there is no such session, or it has ended. */
  session(id: string): LiveSession | undefined {
    return this.#sessions.find(id);
  }

  /** Resets both ends of a session. False if there is no such session. */
  endSession(id: string, reason: CloseReason): boolean {
    return this.#sessions.end(id, reason);
  }

  /**
   * Deletes the route of these two names: none of its parked clients can be paired from now on, and each is refused; its
   * sessions run on, or are ended with `kill`. Resolves once all have been told. Null if there is no such route.
   */
  async deleteRoute(
    f1: string,
    f2: string,
    options: { kill: boolean },
  ): Promise<{ refused: number; killed: number } | null> {
    const route = this.routes.find(f1, f2);
    if (route === undefined) return null;
    this.routes.delete(f1, f2);
    const { count, told } = this.#rendezvous.evict(new Refusal("no_route"), route);
    const [killed] = await Promise.all([options.kill ? this.#sessions.endOn(route, "route_deleted") : 0, told]);
    return { refused: count, killed };
  }

  /**
   * Puts `route` in the place of the one between the same two names, if there is one. Who is parked there stays, unless it may
   * not take its end of the new one; sessions run on. Resolves with how many were refused.
   */
  replaceRoute(route: Route): Promise<number> {
    this.routes.set(route);
    return this.#standing.reviewRoute(route);
  }

  /**
   * From now on nobody is admitted, or paired, but by these credentials. Whoever is parked or in a session is judged by them
   * anew: resolves when that is done. Throws at once, and changes nothing, if the credentials are not usable.
   */
  setCredentials(credentials: Credentials, policy: CertificatePolicy): Promise<Review> {
    this.#admission.setCredentials(credentials);
    this.#standing.policy = policy;
    return this.#standing.review();
  }

  /**
   * Stops admitting and refuses who is parked; resolves when every session has ended. Those that have not after
   * `deadlineMs` are reset. Called again, it sets that deadline anew.
   */
  drain(deadlineMs: number): Promise<void> {
    this.#drain ??= new Drain(() => void this.#sessions.endWhere(() => true, "drain_deadline"));
    this.#drain.setDeadline(deadlineMs);
    this.#drained ??= this.#drainNow(this.#drain);
    return this.#drained;
  }

  /** Resolves once nobody is being admitted any more: while it drains, each has been told why not. At most after `ms`. */
  async settled(ms: number): Promise<void> {
    if (this.#admitting.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onNobodyEntering = resolve;
    const patience = setTimeout(resolve, ms);
    await promise;
    clearTimeout(patience);
  }

  /** Ends everything that is left. */
  async close(): Promise<void> {
    this.#standing.close();
    for (const socket of this.#admitting) socket.destroy();
    this.#drain ??= new Drain(() => {});
    await this.#turnAllAway();
    await this.#options.plane.close();
  }

  async #drainNow(drain: Drain): Promise<void> {
    await this.#turnAllAway();
    await this.#sessions.allEnded();
    drain.over();
  }

  /** Refuses who is parked: resolves when each has been handed its answer. */
  async #turnAllAway(): Promise<void> {
    await this.#rendezvous.evict(this.#drainingRefusal()).told;
    await this.#joins.settled(); // who is paired already shall have its session
    await nextTurn(); // by then each `#meet` has heard of it, and has dismissed its client
  }

  /** Null if there is none: then it has been closed and reported, before anything was done for it. */
  #placeFor(socket: Socket): Place | null {
    try {
      return this.#gate.enter(socket);
    } catch (error) {
      if (!(error instanceof Dropped)) throw error;
      const seen = { ...identify(socket), names: [], durationMs: 0 };
      socket.on("error", () => {}).resetAndDestroy(); // a FIN would leave the kernel a connection in TIME_WAIT
      this.#observe({ event: "dropped", reason: error.reason, ...limitIn(error), ...seen });
      return null;
    }
  }

  /** Admitted and parked; null if it was not, which has been answered and reported. */
  async #enter(socket: Socket, place: Place, entrance: Entrance): Promise<Held | null> {
    this.#admitting.add(socket);
    try {
      return this.#park(await this.#admit(socket, place, entrance));
    } catch (error) {
      if (error instanceof Refusal || error instanceof Dropped) return null;
      throw error;
    } finally {
      this.#admitting.delete(socket);
      if (this.#admitting.size === 0) this.#onNobodyEntering?.();
    }
  }

  /** Paired, and carried to the session's end; or turned away. */
  async #meet(held: Held): Promise<void> {
    try {
      const { joined, leads } = await this.#pair(held);
      if (leads) void this.#carry(joined);
    } catch (error) {
      this.#turnAway(held, error);
    }
  }

  async #admit(socket: Socket, place: Place, entrance: Entrance): Promise<Admitted<Granted>> {
    const granted: Granted[] = [];
    const admitted = await this.#admitAs(socket, place, entrance, (terms) => {
      const grant = { ...terms, stay: this.#quotas.begin(terms, this.#rendezvous.hasPeerFor(terms)) };
      granted.push(grant);
      return grant;
    }).catch((error: unknown) => {
      for (const { stay } of granted) this.#quotas.end(stay); // it failed after that: it did not detach
      throw error;
    });
    const { connection, address, transport, durationMs, grant, identity } = admitted;
    const { name, peer, channel } = grant;
    const who = { connection, address, name, certificate: identity?.fingerprint ?? null };
    const what = { peer, route: namesOf(grant.route), channel, transport };
    this.#observe({ event: "admitted", ...who, ...what, durationMs });
    return admitted;
  }

  async #admitAs(
    socket: Socket,
    place: Place,
    entrance: Entrance,
    grant: (terms: Terms) => Granted,
  ): Promise<Admitted<Granted>> {
    if (entrance.protocol === "plain") {
      return admitPlain(socket, place, () => grant(this.#authorizePlain(entrance.route)), this.#observe);
    }
    return await this.#admission.admit(socket, place, entrance.protocol, (identity, flaw, request) =>
      grant(this.#authorize(entrance, identity, flaw, request)),
    );
  }

  #authorize(entrance: Entrance, identity: Identity, flaw: Flaw | null, request: Request | null): Terms {
    if (flaw === null) this.#checkOpen();
    const terms = termsOf(entrance, identity, flaw, request, this.routes, this.#limits);
    if (flaw !== null) this.#checkOpen(); // only now it is somebody to whom that may be told
    return terms;
  }

  #authorizePlain(route: Route): Terms {
    this.#checkOpen();
    return plainTerms(route, this.#limits);
  }

  /** Throws Refusal if nobody is admitted just now. */
  #checkOpen(): void {
    if (this.#drain !== null) throw this.#drainingRefusal();
    if (this.#connections > this.#limits.connections) {
      throw new Refusal("full", { retryAfter: RETRY_AFTER_S, limit: "connections" });
    }
  }

  /** In a cluster there is another relay to go to at once. */
  #drainingRefusal(): Refusal {
    return new Refusal("draining", { retryAfter: this.#options.elsewhere === undefined ? RETRY_AFTER_S : 0 });
  }

  /** On their way in, parked, and in sessions. */
  get #connections(): number {
    return this.#gate.size + this.#quotas.connections;
  }

  #park({ link, grant, identity, request, connection, address, transport }: Admitted<Granted>): Held {
    const { route, channel, name, role, waitMs, stay } = grant;
    const parkedAt = performance.now();
    const held: Held = {
      identity,
      stay,
      connection,
      address,
      transport,
      route,
      channel,
      name,
      role,
      speaksConnect: request !== null,
      parkedAt,
      deadline: parkedAt + waitMs,
      leg: this.#options.plane.park(link, () => this.#rendezvous.withdraw(held)),
    };
    return held;
  }

  /** Until it is joined to a peer, or there is a reason why it will not be: throws Refusal or Withdrawn. */
  async #pair(held: Held): Promise<{ joined: Joined; leads: boolean }> {
    for (let again = false; ; again = true) {
      if (held.leg.departed) throw new Withdrawn();
      // These may have changed since it was authorized: detaching took a round trip.
      if (this.#drain !== null) throw this.#drainingRefusal();
      this.#standing.check(held);
      this.#standing.watchParked(held);
      if (this.#rendezvous.hasPeerFor(held)) this.#quotas.reserveSession(held.stay);
      else this.#quotas.checkParking(held.stay);
      const arrival = this.#rendezvous.arrive(held, { again });
      const stopSeeking = this.#seeking?.begin(held);
      const pair = await arrival.finally(stopSeeking);
      const joined = await this.#joins.of(pair);
      // Of two that are parked here, the later one leads; a hop leads nobody.
      if (joined !== null) return { joined, leads: pair.second === held || pair.second.transport === "hop" };
      this.#quotas.releaseSession(held.stay);
    }
  }

  #began(joined: Joined, { first }: Pair<Held>): void {
    this.#sessions.add(joined);
    for (const stay of joined.stays) this.#quotas.unpark(stay);
    this.#renewBandwidth([joined]); // the limits may have changed while the two were joined
    const { id, route, channel, ends } = joined.live;
    const waitedMs = performance.now() - first.parkedAt;
    this.#observe({ event: "paired", session: id, route: namesOf(route), channel, ends, waitedMs });
    this.#standing.watchSession(joined);
    this.#spend(route);
  }

  /** A route for one session has had it: nobody else meets there. */
  #spend({ f1, f2 }: Route): void {
    const route = this.routes.find(f1, f2);
    if (route?.options?.once !== true) return;
    void this.deleteRoute(f1, f2, { kill: false });
    this.#options.onSpent?.(route);
  }

  #renewBandwidth(sessions: readonly Joined[]): void {
    for (const { bandwidth, live, session } of sessions) {
      bandwidth.renew(session, this.routes.find(live.route.f1, live.route.f2) ?? live.route);
    }
  }

  async #carry(joined: Joined): Promise<void> {
    const { live, session } = joined;
    const startedAt = performance.now();
    const { reason, by: causedBy, bytes } = await session.ended;
    const by = causedBy ?? joined.blamed;
    for (const stay of joined.stays) this.#quotas.end(stay);
    this.#sessions.delete(joined);
    const { id, route, channel } = live;
    const names = [live.ends[0].name, live.ends[1].name] as const;
    const durationMs = performance.now() - startedAt;
    this.#observe({
      event: "ended",
      session: id,
      route: namesOf(route),
      channel,
      reason,
      by: by === null ? null : names[by],
      names,
      bytes,
      durationMs,
    });
  }

  #turnAway(held: Held, why: unknown): void {
    this.#quotas.end(held.stay);
    const { connection, address, name, route, channel, parkedAt } = held;
    const durationMs = performance.now() - parkedAt;
    // One that goes away while it is being refused has heard nothing.
    if (why instanceof Withdrawn || (why instanceof Refusal && held.leg.departed)) {
      this.#observe({ event: "departed", connection, address, name, route: namesOf(route), channel, durationMs });
      return;
    }
    if (!(why instanceof Refusal)) this.#reportBug(held, why);
    const refusal = why instanceof Refusal ? why : new Refusal("internal_error");
    this.#options.plane.dismiss(held.leg, held.speaksConnect ? formatRefusal(refusal) : Buffer.alloc(0));
    const names = name === null ? [] : [name];
    const peer = name === null ? null : peerNameOf(route, name);
    const seen = { connection, address, names, peer, durationMs };
    this.#observe({ event: "refused", reason: refusal.reason, ...limitIn(refusal), parked: true, ...seen });
  }

  /** Whatever the client did, it costs its connection, and not the process. */
  #reportBug({ connection, address }: { connection: string; address: string }, error: unknown): void {
    const detail = (error instanceof Error ? error.stack : undefined) ?? String(error);
    const reason = "internal_error";
    this.#observe({ event: "dropped", connection, address, reason, names: [], durationMs: 0, detail });
  }

  get #observe(): Observer {
    return this.#options.observe;
  }
}
