/**
 * A parked function as other relays come to know of it: taken out of the rendezvous here, and joined to the connection that
 * leads to its peer. There is one for each that is parked, so it has methods in common with the others, and no closures.
 */
import { Refusal, type Role } from "@serverless-relay/protocol";
import { formatRefusal } from "./answers.ts";
import type { Hop, Seeker } from "./elsewhere.ts";
import { type Held, peerNameOf } from "./held.ts";
import { newId } from "./ids.ts";
import type { Joins } from "./joins.ts";
import type { Pair, Rendezvous } from "./pairing/rendezvous.ts";
import type { Route } from "./pairing/routes.ts";
import type { DataPlane } from "./splice/plane.ts";
import type { WaitWatch } from "./waiting.ts";

/** Where it is parked. */
export interface Surroundings {
  readonly plane: DataPlane;
  readonly rendezvous: Rendezvous<Held>;
  readonly joins: Joins;
}

const NOTHING = Buffer.alloc(0);

export class HeldSeeker implements Seeker {
  readonly name: string;
  readonly #held: Held;
  readonly #watch: WaitWatch | undefined;
  readonly #here: Surroundings;

  /** @param here the same for all of them */
  constructor(held: Held, name: string, watch: WaitWatch | undefined, here: Surroundings) {
    this.name = name;
    this.#held = held;
    this.#watch = watch;
    this.#here = here;
  }

  get connection(): string {
    return this.#held.connection;
  }

  get route(): Route {
    return this.#held.route;
  }

  get channel(): string {
    return this.#held.channel;
  }

  get peer(): string {
    return peerNameOf(this.#held.route, this.name);
  }

  get role(): Role | undefined {
    return this.#held.role;
  }

  get deadline(): number {
    return this.#held.deadline;
  }

  take(): boolean {
    return this.#here.rendezvous.take(this.#held);
  }

  putBack(): void {
    this.#here.rendezvous.putBack(this.#held);
  }

  noteConflict(): void {
    this.#here.rendezvous.noteConflict(this.#held);
  }

  noteNobody(): void {
    this.#watch?.peerIsNowhere();
  }

  async meet(hop: Hop): Promise<boolean> {
    const { plane, rendezvous, joins } = this.#here;
    const held = this.#held;
    const other = this.#park(hop);
    const { told } = hop;
    // The relay that was asked decides, and so has its function as the first; the one that asked is told.
    const pair: Pair<Held> =
      told === undefined
        ? { first: held, second: other }
        : { first: other, second: held, told: { session: told.session, roleOfSecond: told.role } };
    const settled = !other.leg.departed && rendezvous.settle(held, pair);
    if (settled && (await joins.of(pair)) !== null) return true;
    if (!settled) rendezvous.putBack(held); // else its own wait for the join sees that it failed, and it arrives again
    plane.dismiss(other.leg, told === undefined ? formatRefusal(new Refusal("peer_vanished")) : NOTHING);
    return false;
  }

  #park({ link, address, told, peerRole }: Hop): Held {
    const { route, channel, deadline } = this.#held;
    return {
      connection: newId(),
      address,
      transport: "hop",
      route,
      channel,
      name: this.peer,
      role: peerRole,
      stay: null,
      identity: null, // the other relay has verified it, and looks after it
      speaksConnect: told === undefined,
      parkedAt: performance.now(),
      deadline,
      leg: this.#here.plane.park(link, () => {}), // its departure shows when it is joined
    };
  }
}
