/**
 * Whether those whom the relay has admitted may still be here: judged by what it keeps of their certificates, when the CAs or
 * the CRLs have changed, and when a certificate runs out. Whoever is parked is refused, so that no session begins with a
 * certificate that is not good; what becomes of sessions is the operator's policy.
 */
import { Refusal } from "@serverless-relay/protocol";
import type { Identity } from "./admission/identity.ts";
import type { Flaw } from "./admission/trust.ts";
import { ExpiryWatch } from "./expiry-watch.ts";
import type { Held } from "./held.ts";
import { inSlices } from "./in-slices.ts";
import type { Joined, LiveSessions } from "./live-sessions.ts";
import { mayTake, pinsOf } from "./pairing/pins.ts";
import type { Pair, Rendezvous } from "./pairing/rendezvous.ts";
import type { Route, RouteTable } from "./pairing/routes.ts";
import type { CertificatePolicy } from "./relay-options.ts";
import { callerOf } from "./terms.ts";

/** Who was turned away when the CAs or CRLs changed. */
export interface Review {
  /** parked clients */
  readonly refused: number;
  /** sessions */
  readonly ended: number;
}

export class Standing {
  readonly #routes: RouteTable;
  readonly #rendezvous: Rendezvous<Held>;
  readonly #sessions: LiveSessions;
  readonly #flawOf: (identity: Identity) => Flaw | null;
  readonly #expiry = new ExpiryWatch((now) => this.#turnAwayExpired(now));
  policy: CertificatePolicy;

  /** `flawOf`: what is wrong with a certificate by the CAs and CRLs in force, its dates apart */
  constructor(
    routes: RouteTable,
    rendezvous: Rendezvous<Held>,
    sessions: LiveSessions,
    policy: CertificatePolicy,
    flawOf: (identity: Identity) => Flaw | null,
  ) {
    this.#routes = routes;
    this.#rendezvous = rendezvous;
    this.#sessions = sessions;
    this.policy = policy;
    this.#flawOf = flawOf;
  }

  /** Throws Refusal if its certificate is no longer good. Costs nothing unless something has changed; nor does `checkRoute`. */
  checkCertificate({ identity, route, name }: Held): void {
    const flaw = this.#endFlaw(identity, route, name, Date.now());
    if (flaw !== null) throw new Refusal(flaw);
  }

  /** Throws Refusal if its route is gone. */
  checkRoute(held: Held): void {
    if (!this.#hasRoute(held)) throw new Refusal("no_route");
  }

  /** Whether both certificates are good just now. */
  mayMeet({ first, second }: Pair<Held>): boolean {
    const now = Date.now();
    return [first, second].every(({ identity, route, name }) => this.#endFlaw(identity, route, name, now) === null);
  }

  /** Looks after a parked client: it is refused when its certificate runs out. */
  watchParked({ identity }: Held): void {
    if (identity !== null) this.#expiry.note(identity.notAfter);
  }

  /** Looks after a session that has just begun. It is ended at once if things have changed while the two were being joined. */
  watchSession(joined: Joined): void {
    this.#endIf(joined, STRICT, Date.now());
    if (this.policy.onExpired === "end") this.#expiry.note(endOfCertificates(joined));
  }

  /** The route has been replaced: refuses those parked on it who may not take their end of it any more. */
  async reviewRoute(route: Route): Promise<number> {
    let refused = 0;
    await inSlices(this.#rendezvous.waitingOn(route), (held) => {
      if (!this.#hasRoute(held) && this.#rendezvous.refuse(held, new Refusal("no_route"))) refused++;
    });
    return refused;
  }

  /** Judges everybody anew, in slices. Meanwhile nobody is paired who has not been judged. */
  async review(): Promise<Review> {
    let refused = 0;
    let ended = 0;
    await inSlices(this.#rendezvous.waiting(), (held) => {
      const flaw = this.#endFlaw(held.identity, held.route, held.name, Date.now());
      if (flaw !== null && this.#rendezvous.refuse(held, new Refusal(flaw))) refused++;
    });
    await inSlices(this.#sessions.all(), (joined) => {
      if (this.#endIf(joined, this.policy, Date.now())) ended++;
      else if (this.policy.onExpired === "end") this.#expiry.note(endOfCertificates(joined));
    });
    return { refused, ended };
  }

  /** No timer is left. */
  close(): void {
    this.#expiry.close();
  }

  /** Gives the moment at which the next certificate runs out that matters. */
  #turnAwayExpired(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const held of this.#rendezvous.waiting()) {
      if (held.identity === null) continue;
      if (held.identity.notAfter > now) next = Math.min(next, held.identity.notAfter);
      else this.#rendezvous.refuse(held, new Refusal("certificate_expired"));
    }
    if (this.policy.onExpired === "keep") return next;
    for (const joined of this.#sessions.all()) {
      if (!this.#endIf(joined, ONLY_EXPIRED, now)) next = Math.min(next, endOfCertificates(joined));
    }
    return next;
  }

  /** Ends the session if the policy says so of one of its ends. */
  #endIf(joined: Joined, policy: CertificatePolicy, now: number): boolean {
    const { live, identities } = joined;
    for (const end of [0, 1] as const) {
      const flaw = this.#endFlaw(identities[end], live.route, live.ends[end].name, now);
      if (flaw === null) continue;
      if ((flaw === "certificate_expired" ? policy.onExpired : policy.onRevoked) === "keep") continue;
      this.#sessions.endFor(joined, end, flaw);
      return true;
    }
    return false;
  }

  /** Whether there is its route still, or another between the same two that it may take as well. */
  #hasRoute({ identity, route, name }: Held): boolean {
    const current = this.#routes.find(route.f1, route.f2);
    if (current === route) return true;
    if (current === undefined || current.f1 !== route.f1) return false; // in another order, it waits at the wrong end
    if (identity === null || name === null) return true;
    return mayTake(current, name, callerOf(identity, this.#flawOf(identity)));
  }

  #endFlaw(identity: Identity | null, admittedOn: Route, name: string | null, now: number): Flaw | null {
    if (identity === null || name === null) return null;
    const route = this.#routes.find(admittedOn.f1, admittedOn.f2) ?? admittedOn;
    const flaw = this.#flawOf(identity);
    if (flaw === "certificate_unknown_issuer" && pinsOf(route, name)?.includes(identity.key) === true) {
      return identity.notAfter <= now ? "certificate_expired" : null;
    }
    return flaw ?? (identity.notAfter <= now ? "certificate_expired" : null);
  }
}

const STRICT: CertificatePolicy = { onRevoked: "end", onExpired: "end" };
const ONLY_EXPIRED: CertificatePolicy = { onRevoked: "keep", onExpired: "end" };

function endOfCertificates({ identities }: Joined): number {
  return Math.min(...identities.map((identity) => identity?.notAfter ?? Number.POSITIVE_INFINITY));
}
