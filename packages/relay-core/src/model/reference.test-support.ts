/**
 * Who meets whom, and who is refused why: a second implementation of PROTOCOL.md, sections 6, 9 and 10, written from that text
 * alone, to hold the relay against. One list, searched from its oldest; nothing is fast, and nothing is shared with the relay.
 */

type Role = "client" | "server";

/** What the client has seen of the relay so far. */
export type Fate = string;

export interface ModelRoute {
  readonly f1: string;
  readonly f2: string;
  /** the key, a plain word here, to which f1's end is pinned */
  readonly pin?: string;
}

export interface Asked {
  readonly name: string;
  readonly peer: string;
  readonly channel: string;
  readonly role: Role | undefined;
  /** seconds */
  readonly wait: number;
  /** of its certificate */
  readonly key: string;
}

/** entering: authorized, and not detached yet. taken: kept for a peer elsewhere. joining: matched, and not joined yet. */
type Where = "entering" | "waiting" | "taken" | "joining" | "session" | "over";

export interface ModelClient extends Asked {
  readonly id: number;
  where: Where;
  fate: Fate;
  /** as it was when the client was authorized */
  route: ModelRoute;
  /** its place in its queue: the least is the head */
  rank: number;
  /** when it is to be refused */
  deadline: number;
  revoked: boolean;
  gone: boolean;
  wasMatched: boolean;
  metConflict: boolean;
  partner: ModelClient | null;
}

export class ReferencePairing {
  readonly clients: ModelClient[] = [];
  readonly routes: ModelRoute[] = [];
  /** matched, not joined yet; `doomed`: all sessions of theirs have been ended meanwhile, for this reason */
  joins: { readonly ends: readonly [ModelClient, ModelClient]; doomed: string | null }[] = [];
  draining = false;
  /** until when sessions may go on */
  drainDeadline = Number.POSITIVE_INFINITY;
  /** seconds */
  now = 0;
  #moments = 0;

  in(...places: Where[]): ModelClient[] {
    return this.clients.filter(({ where }) => places.includes(where));
  }

  fates(): Fate[] {
    return this.clients.map(({ fate }) => fate);
  }

  /** Section 6, as far as it is about routes. */
  ask(asked: Asked): void {
    const route = this.#find(asked.name, asked.peer);
    const client: ModelClient = {
      ...asked,
      id: this.clients.length,
      where: "entering",
      fate: "waits",
      route: route ?? { f1: asked.name, f2: asked.peer },
      rank: 0,
      deadline: 0,
      revoked: false,
      gone: false,
      wasMatched: false,
      metConflict: false,
      partner: null,
    };
    this.clients.push(client);
    if (this.draining) this.#refuse(client, "draining");
    else if (route === undefined || !mayTake(route, client)) this.#refuse(client, "no_route");
  }

  /** The last step of section 6: its outer TLS is off. */
  detach(client: ModelClient): void {
    client.deadline = this.now + client.wait;
    client.rank = ++this.#moments;
    this.#park(client);
  }

  /** Time goes by: section 9, "Ends without a peer". */
  advance(seconds: number): void {
    this.now += seconds;
    for (const client of this.in("waiting")) {
      if (client.deadline > this.now) continue;
      const reason = client.wasMatched ? "peer_vanished" : client.metConflict ? "role_conflict" : "peer_timeout";
      this.#refuse(client, reason);
    }
    if (this.drainDeadline <= this.now) {
      this.drainDeadline = Number.POSITIVE_INFINITY;
      this.#endAll("drain_deadline", () => true);
    }
  }

  /** The client resets its connection: section 9, "Departure", and section 11, "Reset". */
  vanish(client: ModelClient): void {
    client.gone = true;
    const { partner, where } = client;
    if (where === "session" && partner !== null) this.#end([client, partner], "reset");
    client.fate = "gone";
    if (where !== "joining") client.where = "over";
  }

  /** The two are joined, or, if one of them has vanished, are not: section 9, "Joining", and section 10. */
  join(index: number): void {
    const [join] = this.joins.splice(index, 1);
    if (join === undefined) return;
    const [first, second] = join.ends;
    if (first.gone || second.gone) {
      for (const end of join.ends) {
        end.where = "over";
        end.wasMatched = true;
        end.rank = -++this.#moments; // the head of its queue
        if (!end.gone) this.#park(end);
      }
      return;
    }
    const roleOfSecond = roleOf(second, first); // the first had been waiting
    for (const [end, other] of [[first, second] as const, [second, first] as const]) {
      end.where = "session";
      end.partner = other;
      const role = (end === second) === (roleOfSecond === "client") ? "client" : "server";
      end.fate = `paired with ${other.id}, ${other.name}, as ${role}`;
    }
    if (first.revoked || second.revoked) this.#end([first, second], "certificate_revoked");
    else if (join.doomed !== null) this.#end([first, second], join.doomed);
  }

  addRoute(route: ModelRoute): void {
    this.routes.push(route);
  }

  deleteRoute(route: ModelRoute, kill: boolean): void {
    this.routes.splice(this.routes.indexOf(route), 1);
    for (const client of this.#on(route, "waiting", "taken")) this.#refuse(client, "no_route");
    if (!kill) return;
    this.#endAll("route_deleted", (each) => isBetween(each.route, route));
  }

  /** Who is parked on it stays, if it may take its end of the new one. */
  replaceRoute(old: ModelRoute, route: ModelRoute): void {
    this.routes.splice(this.routes.indexOf(old), 1, route);
    for (const client of this.#on(route, "waiting", "taken")) {
      if (!this.#hasRoute(client)) this.#refuse(client, "no_route");
    }
  }

  /** The certificates that clients of this name have come with are no longer good: section 6.3. */
  revoke(name: string): void {
    for (const client of this.clients.filter((each) => each.name === name)) {
      client.revoked = true;
      if (client.where === "waiting" || client.where === "taken") this.#refuse(client, "certificate_revoked");
      if (client.where === "session" && client.partner !== null) {
        this.#end([client, client.partner], "certificate_revoked");
      }
    }
  }

  /** Sessions may go on for so many seconds. */
  drain(seconds: number): void {
    this.draining = true;
    this.drainDeadline = this.now + seconds;
    for (const client of this.in("waiting", "taken")) this.#refuse(client, "draining");
  }

  /** A peer elsewhere is to have it: docs/cluster.md. It still waits, as far as it can tell itself. */
  take(client: ModelClient): void {
    client.where = "taken";
  }

  /** Nothing came of that: it stands where it stood. */
  putBack(client: ModelClient): void {
    this.#match(client);
  }

  /** Admitted, and parked: unless the certificate is no longer good, the relay drains by then, or the route is gone. */
  #park(client: ModelClient): void {
    if (client.revoked) this.#refuse(client, "certificate_revoked");
    else if (this.draining) this.#refuse(client, "draining");
    else if (!this.#hasRoute(client)) this.#refuse(client, "no_route");
    else this.#match(client);
  }

  /** Section 9, "Match". */
  #match(client: ModelClient): void {
    const peers = this.in("waiting").filter((other) => arePeers(client, other));
    const fitting = peers.filter((other) => other.role === undefined || other.role !== client.role);
    const [peer] = fitting.toSorted((one, other) => one.rank - other.rank);
    if (peer !== undefined) {
      for (const end of [peer, client]) end.where = "joining";
      this.joins.push({ ends: [peer, client], doomed: null });
      return;
    }
    // Whoever is there asks for the same role: neither has found anybody that fits.
    for (const each of peers.length > 0 ? [client, ...peers] : []) each.metConflict = true;
    client.where = "waiting";
  }

  #refuse(client: ModelClient, reason: string): void {
    client.fate = `refused: ${reason}`;
    client.where = "over";
  }

  #end(ends: readonly [ModelClient, ModelClient], reason: string): void {
    for (const end of ends) {
      if (!end.gone) end.fate = `${end.fate}, until ${reason}`;
      end.where = "over";
    }
  }

  /** Sessions, and pairs that are about to be one. */
  #endAll(reason: string, which: (client: ModelClient) => boolean): void {
    for (const client of this.in("session").filter(which)) {
      if (client.where === "session" && client.partner !== null) this.#end([client, client.partner], reason);
    }
    for (const join of this.joins) if (which(join.ends[0])) join.doomed ??= reason;
  }

  #on(route: ModelRoute, ...places: Where[]): ModelClient[] {
    return this.in(...places).filter((client) => isBetween(client.route, route));
  }

  #find(one: string, other: string): ModelRoute | undefined {
    return this.routes.find((route) => isBetween(route, { f1: one, f2: other }));
  }

  /** The order of a route's names decides on roles: given in the other order, it is another route. */
  #hasRoute(client: ModelClient): boolean {
    const route = this.#find(client.name, client.peer);
    return route !== undefined && route.f1 === client.route.f1 && mayTake(route, client);
  }
}

function isBetween(one: ModelRoute, other: ModelRoute): boolean {
  return (one.f1 === other.f1 && one.f2 === other.f2) || (one.f1 === other.f2 && one.f2 === other.f1);
}

function mayTake({ f1, pin }: ModelRoute, { name, key }: ModelClient): boolean {
  return name !== f1 || pin === undefined || pin === key;
}

function arePeers(one: ModelClient, other: ModelClient): boolean {
  return one.name === other.peer && one.peer === other.name && one.channel === other.channel;
}

/** Section 10, "Roles": of the one that found the other waiting. */
function roleOf(finder: ModelClient, waiter: ModelClient): Role {
  if (finder.role !== undefined) return finder.role;
  if (waiter.role !== undefined) return waiter.role === "client" ? "server" : "client";
  if (finder.name === waiter.name) return "client";
  return finder.name === finder.route.f1 ? "client" : "server";
}
