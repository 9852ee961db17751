/**
 * The relay: joins the three rooms. One connection's story is `accept`: it enters (admitted, parked) and meets (paired,
 * carried), each step in a room of its own; what crosses between them is plain data.
 */
import type { Socket } from "node:net";
import { Refusal } from "@serverless-relay/protocol";
import type { Admitted } from "./admission/admission.ts";
import type { Place } from "./admission/gate.ts";
import type { Credentials } from "./admission/tls-server.ts";
import { formatRefusal } from "./answers.ts";
import { Bandwidth } from "./bandwidth.ts";
import { Drain, type DrainTimes } from "./drain.ts";
import { endSessions } from "./end-sessions.ts";
import { Entering, type Granted } from "./entering.ts";
import type { Held } from "./held.ts";
import { identify } from "./ids.ts";
import { Joins } from "./joins.ts";
import type { RelayLimits, Usage } from "./limits.ts";
import { type Joined, LiveSessions } from "./live-sessions.ts";
import { type Pair, Rendezvous, Withdrawn } from "./pairing/rendezvous.ts";
import { type Route, RouteTable } from "./pairing/routes.ts";
import { Quotas } from "./quotas.ts";
import {
  type CertificatePolicy,
  DEFAULT_CERTIFICATE_POLICY,
  type Entrance,
  type RelayOptions,
} from "./relay-options.ts";
import type { LiveSession, Parked } from "./relay-view.ts";
import { reportBug, reportDeparted, reportEnded, reportPaired, reportRefused } from "./reports.ts";
import { Seeking } from "./seeking.ts";
import type { CloseReason } from "./splice/plane.ts";
import { type Review, Standing } from "./standing.ts";

/** Seconds after which a client that found the relay draining may try again. In a cluster there is another to go to at once. */
const RETRY_AFTER_S = 1;

export class Relay {
  readonly routes = new RouteTable((route) => this.#renewBandwidth(this.#sessions.on(route)));
  readonly #options: RelayOptions;
  readonly #rendezvous = new Rendezvous<Held>();
  readonly #quotas: Quotas;
  readonly #sessions: LiveSessions;
  readonly #standing: Standing;
  readonly #bandwidth: Bandwidth;
  readonly #joins: Joins;
  readonly #drain: Drain;
  readonly #entering: Entering;
  readonly #seeking: Seeking;
  #limits: RelayLimits;

  constructor(options: RelayOptions) {
    const { credentials, plane, elsewhere, limits, observe } = options;
    const { routes } = this;
    const rendezvous = this.#rendezvous;
    this.#options = options;
    this.#limits = limits;
    plane.answerWithinMs = limits.answerWithinMs;
    const quotas = new Quotas(limits, routes);
    const sessions = new LiveSessions(limits);
    const policy = options.certificates ?? DEFAULT_CERTIFICATE_POLICY;
    const standing = new Standing(routes, rendezvous, sessions, policy, (who) => this.#entering.flawOf(who));
    const bandwidth = new Bandwidth(plane, limits.bandwidth ?? {});
    const joins = new Joins(
      plane,
      bandwidth,
      (pair) => standing.mayMeet(pair) && quotas.mayBegin(pair),
      (joined, pair) => this.#began(joined, pair),
    );
    const retryAfter = elsewhere === undefined ? RETRY_AFTER_S : 0;
    const drain = new Drain({ rendezvous, joins, sessions, retryAfter });
    this.#entering = new Entering(credentials, limits, { routes, rendezvous, quotas, drain, observe });
    this.#seeking = new Seeking(options, { plane, rendezvous, joins });
    this.#quotas = quotas;
    this.#sessions = sessions;
    this.#standing = standing;
    this.#bandwidth = bandwidth;
    this.#joins = joins;
    this.#drain = drain;
  }

  /** Takes over a connection that has just been accepted, with `allowHalfOpen`. */
  accept(socket: Socket, entrance: Entrance): void {
    const place = this.#entering.placeFor(socket);
    if (place === null) return;
    // Two steps, for whoever is parked has left the first one: nothing of it, not even the socket, is held on to.
    this.#enter(socket, place, entrance).then(
      (held) => {
        if (held !== null) void this.#meet(held);
      },
      (error: unknown) => {
        socket.destroy();
        this.#options.observe(reportBug(identify(socket), error));
      },
    );
  }

  /** Admitted and parked; null if it was not, which has been answered and reported. */
  async #enter(socket: Socket, place: Place, entrance: Entrance): Promise<Held | null> {
    const admitted = await this.#entering.admit(socket, place, entrance);
    return admitted === null ? null : this.#park(admitted);
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

  /** Paired, and carried to the session's end; or turned away. */
  async #meet(held: Held): Promise<void> {
    try {
      const { joined, leads } = await this.#pair(held);
      if (leads) void this.#carry(joined);
    } catch (error) {
      this.#turnAway(held, error);
    }
  }

  /** Until it is joined to a peer, or there is a reason why it will not be: throws Refusal or Withdrawn. */
  async #pair(held: Held): Promise<{ joined: Joined; leads: boolean }> {
    for (let again = false; ; again = true) {
      if (held.leg.departed) throw new Withdrawn();
      // These may have changed since it was authorized: detaching took a round trip. In the order of PROTOCOL.md, section 6.
      this.#standing.checkCertificate(held);
      this.#drain.check();
      this.#standing.checkRoute(held);
      this.#standing.watchParked(held);
      if (this.#rendezvous.hasPeerFor(held)) this.#quotas.reserveSession(held.stay);
      else this.#quotas.checkParking(held.stay);
      const pair = await this.#seeking.during(held, this.#rendezvous.arrive(held, { again }));
      const joined = await this.#joins.of(pair);
      // Of two that are parked here, the later one leads; a hop leads nobody.
      if (joined !== null) return { joined, leads: pair.second === held || pair.second.transport === "hop" };
      this.#quotas.releaseSession(held.stay);
    }
  }

  /** Two have been joined; neither has heard of it yet. */
  #began(joined: Joined, { first }: Pair<Held>): void {
    this.#sessions.add(joined);
    for (const stay of joined.stays) this.#quotas.unpark(stay);
    this.#renewBandwidth([joined]); // the limits may have changed while the two were joined
    this.#options.observe(reportPaired(joined, first.parkedAt));
    this.#standing.watchSession(joined);
    this.#spend(joined.live.route);
  }

  async #carry(joined: Joined): Promise<void> {
    const startedAt = performance.now();
    const outcome = await joined.session.ended;
    for (const stay of joined.stays) this.#quotas.end(stay);
    this.#sessions.delete(joined);
    this.#options.observe(reportEnded(joined, outcome, startedAt));
  }

  #turnAway(held: Held, why: unknown): void {
    const { plane, observe } = this.#options;
    this.#quotas.end(held.stay);
    // One that goes away while it is being refused has heard nothing.
    if (why instanceof Withdrawn || (why instanceof Refusal && held.leg.departed)) {
      observe(reportDeparted(held));
      return;
    }
    if (!(why instanceof Refusal)) observe(reportBug(held, why));
    const refusal = why instanceof Refusal ? why : new Refusal("internal_error");
    plane.dismiss(held.leg, held.speaksConnect ? formatRefusal(refusal) : Buffer.alloc(0));
    observe(reportRefused(held, refusal));
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

  parked(): readonly Parked[] {
    return this.#rendezvous.waiting();
  }

  parkedOn(route: Route): number {
    return this.#rendezvous.countOn(route);
  }

  /** How many are parked in all. */
  get parkedCount(): number {
    return this.#rendezvous.size;
  }

  sessions(): LiveSession[] {
    return this.#sessions.list();
  }

  sessionsOn(route: Route): number {
    return this.#sessions.countOn(route);
  }

  /** How many sessions are under way. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Undefined if there is no such session, or it has ended. */
  session(id: string): LiveSession | undefined {
    return this.#sessions.find(id);
  }

  usage(): Usage {
    const { size: handshakes, connections } = this.#entering;
    return { handshakes, connections, sessions: this.#quotas.sessions };
  }

  /** Whether one connection more is one too many. */
  get full(): boolean {
    return this.#entering.connections >= this.#limits.connections;
  }

  get limits(): RelayLimits {
    return this.#limits;
  }

  /** From now on these hold. Whoever is here already stays, but for sessions that have lasted, or been idle, for too long. */
  setLimits(limits: RelayLimits): void {
    this.#limits = limits;
    this.#options.plane.answerWithinMs = limits.answerWithinMs;
    this.#entering.setLimits(limits);
    this.#quotas.setLimits(limits);
    this.#sessions.setTimes(limits);
    this.#bandwidth.limits = limits.bandwidth ?? {};
    this.#renewBandwidth(this.#sessions.all());
  }

  /**
   * From now on nobody is admitted, or paired, but by these credentials. Whoever is parked or in a session is judged by them
   * anew: resolves when that is done. Throws at once, and changes nothing, if the credentials are not usable.
   */
  setCredentials(credentials: Credentials, policy: CertificatePolicy): Promise<Review> {
    this.#entering.setCredentials(credentials);
    this.#standing.policy = policy;
    return this.#standing.review();
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
    const here = { sessions: this.#sessions, joins: this.#joins };
    const [killed] = await Promise.all([options.kill ? endSessions(here, "route_deleted", route) : 0, told]);
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

  /** Resets both ends of a session. False if there is no such session. */
  endSession(id: string, reason: CloseReason): boolean {
    return this.#sessions.end(id, reason);
  }

  /** Null unless it is draining. */
  get draining(): DrainTimes | null {
    return this.#drain.times;
  }

  /**
   * Stops admitting and refuses who is parked; resolves when every session has ended. Those that have not after
   * `deadlineMs` are reset. Called again, it sets that deadline anew.
   */
  drain(deadlineMs: number): Promise<void> {
    return this.#drain.begin(deadlineMs);
  }

  /** Resolves once nobody is being admitted any more: while it drains, each has been told why not. At most after `ms`. */
  settled(ms: number): Promise<void> {
    return this.#entering.settled(ms);
  }

  /** Ends everything that is left. */
  async close(): Promise<void> {
    this.#standing.close();
    this.#entering.close();
    await this.#drain.close();
    await this.#options.plane.close();
  }
}
