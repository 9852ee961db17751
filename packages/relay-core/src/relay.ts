/**
 * The relay: joins the three rooms. One connection's story is `accept`: it enters (admitted, parked) and meets (paired,
 * carried), each step in a room of its own; what crosses between them is plain data.
 */
import type { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { otherRole, Refusal } from "@serverless-relay/protocol";
import { Admission, type Admitted } from "./admission/admission.ts";
import type { Identity } from "./admission/certificate.ts";
import { Dropped } from "./admission/drops.ts";
import type { Request } from "./admission/request.ts";
import { formatPaired, formatRefusal } from "./answers.ts";
import type { EndOfSession, Observer } from "./events.ts";
import { newId } from "./ids.ts";
import { authorize, type Claim, endOfRoute } from "./pairing/authorize.ts";
import { type Arrival, type Pair, Rendezvous, Withdrawn } from "./pairing/rendezvous.ts";
import { roleOfSecond } from "./pairing/roles.ts";
import { type Route, RouteTable, routeKey } from "./pairing/routes.ts";
import type { Entrance, RelayOptions } from "./relay-options.ts";
import type { LiveSession, Parked } from "./relay-view.ts";
import { IdleWatch } from "./splice/idle-watch.ts";
import type { CloseReason, Leg, Session } from "./splice/plane.ts";

interface Held extends Parked {
  readonly leg: Leg;
}

interface Joined {
  readonly live: LiveSession;
  readonly session: Session;
}

/** What a caller was allowed to. `name` and `peer` are null behind a plain listener: nobody is verified there. */
interface Terms extends Pick<Claim, "route"> {
  readonly name: string | null;
  readonly peer: string | null;
  readonly channel: string;
  readonly role: Arrival["role"];
  readonly waitMs: number;
}

/** The channel of those who cannot name one: the port of `https://peer/`. */
const DEFAULT_CHANNEL = "443";

/** Seconds after which a client that found the relay full or draining may try again. */
const RETRY_AFTER_S = 1;

export class Relay {
  readonly routes = new RouteTable();
  readonly #options: RelayOptions;
  readonly #admission: Admission;
  readonly #rendezvous = new Rendezvous<Held>();
  readonly #joins = new WeakMap<Pair<Held>, Promise<Joined | null>>();
  readonly #joining = new Set<Promise<Joined | null>>();
  readonly #sessions = new Map<string, Joined>();
  readonly #admitting = new Set<Socket>();
  readonly #idle: IdleWatch;
  #draining = false;
  #onIdle: (() => void) | null = null;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#idle = new IdleWatch(options.limits.idleTimeoutMs);
    this.#admission = new Admission(options.credentials, options.limits, options.observe);
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Takes over a connection that has just been accepted, with `allowHalfOpen`. */
  accept(socket: Socket, entrance: Entrance): void {
    // Two steps, for whoever is parked has left the first one: nothing of it, not even the socket, is held on to.
    this.#enter(socket, entrance).then(
      (held) => {
        if (held !== null) void this.#meet(held);
      },
      (error: unknown) => {
        socket.destroy();
        this.#reportBug(connectionOf(socket), error);
      },
    );
  }

  parked(): readonly Parked[] {
    return this.#rendezvous.waiting();
  }

  parkedOn(route: Route): number {
    return this.#rendezvous.countOn(route);
  }

  sessions(): LiveSession[] {
    return [...this.#sessions.values()].map(({ live }) => live);
  }

  /** Resets both ends of a session. False if there is no such session. */
  endSession(id: string, reason: CloseReason): boolean {
    const joined = this.#sessions.get(id);
    joined?.session.end(reason);
    return joined !== undefined;
  }

  /**
   * Deletes the route of these two names: its parked clients are refused at once; its sessions run on, or are ended with
   * `kill`. Null if there is no such route.
   */
  deleteRoute(f1: string, f2: string, options: { kill: boolean }): { refused: number; killed: number } | null {
    const route = this.routes.find(f1, f2);
    if (route === undefined) return null;
    this.routes.delete(f1, f2);
    const refused = this.#rendezvous.evict(new Refusal("no_route"), route);
    const key = routeKey(f1, f2);
    const ending = [...this.#sessions.values()].filter(
      ({ live }) => options.kill && routeKey(live.route.f1, live.route.f2) === key,
    );
    for (const { session } of ending) session.end("route_deleted");
    return { refused, killed: ending.length };
  }

  /**
   * Stops admitting and refuses who is parked; resolves when every session has ended. Those that have not after
   * `deadlineMs` are reset.
   */
  async drain(deadlineMs: number): Promise<void> {
    await this.#turnAllAway();
    if (this.#sessions.size === 0) return;
    const { promise: idle, resolve } = Promise.withResolvers<void>();
    this.#onIdle = resolve;
    const deadline = setTimeout(() => {
      for (const { session } of this.#sessions.values()) session.end("drain_deadline");
    }, deadlineMs);
    await idle;
    clearTimeout(deadline);
  }

  /** Ends everything that is left. */
  async close(): Promise<void> {
    for (const socket of this.#admitting) socket.destroy();
    await this.#turnAllAway();
    await this.#options.plane.close();
  }

  /** Admits nobody from now on, and refuses who is parked: resolves when each has been handed its answer. */
  async #turnAllAway(): Promise<void> {
    this.#draining = true;
    this.#rendezvous.evict(new Refusal("draining", { retryAfter: RETRY_AFTER_S }));
    await Promise.allSettled(this.#joining); // who is paired already shall have its session
    await nextTurn(); // by then each `#meet` has heard of it, and has dismissed its client
  }

  /** Admitted and parked; null if it was not, which has been answered and reported. */
  async #enter(socket: Socket, entrance: Entrance): Promise<Held | null> {
    this.#admitting.add(socket);
    try {
      return this.#park(await this.#admit(socket, entrance));
    } catch (error) {
      if (error instanceof Refusal || error instanceof Dropped) return null;
      throw error;
    } finally {
      this.#admitting.delete(socket);
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

  async #admit(socket: Socket, entrance: Entrance): Promise<Admitted<Terms>> {
    const admitted =
      entrance.protocol === "plain"
        ? this.#admitPlain(socket, entrance.route)
        : await this.#admission.admit(socket, entrance.protocol, (identity, request) =>
            this.#authorize(entrance, identity, request),
          );
    const { connection, address, transport, durationMs, grant } = admitted;
    const { name, peer, channel } = grant;
    const route = namesOf(grant.route);
    this.#observe({ event: "admitted", connection, address, name, peer, route, channel, transport, durationMs });
    return admitted;
  }

  #authorize(entrance: Entrance, identity: Identity, request: Request | null): Terms {
    if (this.#draining) throw new Refusal("draining", { retryAfter: RETRY_AFTER_S });
    if (this.#isFull()) throw new Refusal("full", { retryAfter: RETRY_AFTER_S });
    const { waitMs, maxWaitMs } = this.#options.limits;
    if (request === null) {
      const claim = entrance.route === undefined ? null : endOfRoute(entrance.route, identity.names);
      if (claim === null) throw new Dropped("not_of_this_route");
      return { ...claim, channel: DEFAULT_CHANNEL, role: undefined, waitMs };
    }
    const claim = authorize(this.routes, identity.names, request);
    if (entrance.route !== undefined && entrance.route !== claim.route) throw new Refusal("no_route");
    const asked = request.wait === undefined ? waitMs : request.wait * 1000;
    return { ...claim, channel: request.channel, role: request.role, waitMs: Math.min(asked, maxWaitMs) };
  }

  /** A plain listener admits whoever comes: it is there only because the operator asked for it by name. */
  #admitPlain(socket: Socket, route: Route): Admitted<Terms> {
    const connection = connectionOf(socket);
    if (this.#draining || this.#isFull()) {
      socket.destroy();
      this.#observe({ ...connection, event: "dropped", reason: "full", names: [], durationMs: 0 });
      throw new Dropped("full");
    }
    const grant: Terms = {
      route,
      name: null,
      peer: null,
      channel: DEFAULT_CHANNEL,
      role: undefined,
      waitMs: this.#options.limits.waitMs,
    };
    return {
      ...connection,
      durationMs: 0,
      request: null,
      grant,
      transport: "plain",
      link: { kind: "bare", socket, readAhead: Buffer.alloc(0) },
    };
  }

  #isFull(): boolean {
    const connections = this.#admitting.size + this.#rendezvous.size + 2 * this.#sessions.size;
    return connections > this.#options.limits.connections;
  }

  #park({ link, grant, request, connection, address, transport }: Admitted<Terms>): Held {
    const { route, channel, name, role, waitMs } = grant;
    const parkedAt = performance.now();
    const held: Held = {
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
      if (this.#draining) throw new Refusal("draining", { retryAfter: RETRY_AFTER_S });
      if (this.routes.find(held.route.f1, held.route.f2) !== held.route) throw new Refusal("no_route");
      const pair = await this.#rendezvous.arrive(held, { again });
      const joined = await this.#join(pair);
      if (joined !== null) return { joined, leads: pair.second === held };
    }
  }

  /** Once for each pair, whichever end asks first. Null if one of the two has vanished. */
  #join(pair: Pair<Held>): Promise<Joined | null> {
    const known = this.#joins.get(pair);
    if (known !== undefined) return known;
    const join = this.#joinNow(pair).finally(() => this.#joining.delete(join));
    this.#joins.set(pair, join);
    this.#joining.add(join);
    return join;
  }

  async #joinNow(pair: Pair<Held>): Promise<Joined | null> {
    const { first, second } = pair;
    const id = newId();
    const role = roleOfSecond(pair);
    const ends = [endOf(first, otherRole(role)), endOf(second, role)] as const;
    const session = await this.#options.plane.join(
      first.leg,
      headFor(first, ends[0], id, second),
      second.leg,
      headFor(second, ends[1], id, first),
    );
    if (session === null) return null;
    const { route, channel } = first;
    const live: LiveSession = {
      id,
      route,
      channel,
      startedAt: Date.now(),
      ends,
      get bytes() {
        return session.bytes;
      },
    };
    const joined = { live, session };
    this.#sessions.set(id, joined);
    this.#idle.add(session);
    const waitedMs = performance.now() - first.parkedAt;
    this.#observe({ event: "paired", session: id, route: namesOf(route), channel, ends, waitedMs });
    return joined;
  }

  async #carry({ live, session }: Joined): Promise<void> {
    const startedAt = performance.now();
    const { reason, by, bytes } = await session.ended;
    this.#sessions.delete(live.id);
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
    if (this.#sessions.size === 0) this.#onIdle?.();
  }

  #turnAway(held: Held, why: unknown): void {
    const { connection, address, name, route, channel, parkedAt } = held;
    const durationMs = performance.now() - parkedAt;
    if (why instanceof Withdrawn) {
      this.#observe({ event: "departed", connection, address, name, route: namesOf(route), channel, durationMs });
      return;
    }
    if (!(why instanceof Refusal)) this.#reportBug(held, why);
    const refusal = why instanceof Refusal ? why : new Refusal("internal_error");
    this.#options.plane.dismiss(held.leg, held.speaksConnect ? formatRefusal(refusal) : Buffer.alloc(0));
    const names = name === null ? [] : [name];
    const peer = name === null ? null : name === route.f1 ? route.f2 : route.f1;
    this.#observe({ event: "refused", reason: refusal.reason, connection, address, names, peer, durationMs });
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

function connectionOf(socket: Socket): { connection: string; address: string } {
  return { connection: newId(), address: `${socket.remoteAddress}:${socket.remotePort}` };
}

function namesOf(route: Route): readonly [string, string] {
  return [route.f1, route.f2];
}

function endOf({ connection, name, address, transport }: Held, role: EndOfSession["role"]): EndOfSession {
  return { connection, name, address, transport, role };
}

/** What tells `held` that it is paired; nothing to an end that does not speak CONNECT. */
function headFor(held: Held, { role }: EndOfSession, session: string, peer: Held): Buffer {
  if (!held.speaksConnect || held.transport === "plain") return Buffer.alloc(0);
  return formatPaired({ transport: held.transport, session, peer: peer.name, role });
}
