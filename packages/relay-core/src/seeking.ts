/** Offers who is parked here, and has no peer here, to other relays; and joins it to the connection that leads to its peer. */
import { Refusal } from "@serverless-relay/protocol";
import { formatRefusal } from "./answers.ts";
import type { Elsewhere, Hop, Seeker } from "./elsewhere.ts";
import { type Held, peerNameOf } from "./held.ts";
import { newId } from "./ids.ts";
import type { Joins } from "./joins.ts";
import type { Pair, Rendezvous } from "./pairing/rendezvous.ts";
import type { DataPlane } from "./splice/plane.ts";

interface Surroundings {
  readonly plane: DataPlane;
  readonly rendezvous: Rendezvous<Held>;
  readonly joins: Joins;
}

const NOTHING = Buffer.alloc(0);

export class Seeking {
  readonly #elsewhere: Elsewhere;
  readonly #here: Surroundings;

  constructor(elsewhere: Elsewhere, here: Surroundings) {
    this.#elsewhere = elsewhere;
    this.#here = here;
  }

  /** If it waits: looks for its peer elsewhere, until what is returned is called. Nobody seeks behind a plain listener. */
  begin(held: Held): (() => void) | undefined {
    if (held.name === null || !this.#here.rendezvous.has(held)) return undefined;
    return this.#elsewhere.seek(this.#seekerOf(held, held.name));
  }

  #seekerOf(held: Held, name: string): Seeker {
    const { rendezvous } = this.#here;
    const { connection, route, channel, role, deadline } = held;
    const peer = peerNameOf(route, name);
    return {
      connection,
      route,
      channel,
      name,
      peer,
      role,
      deadline,
      take: () => rendezvous.take(held),
      putBack: () => rendezvous.putBack(held),
      noteConflict: () => rendezvous.noteConflict(held),
      meet: (hop) => this.#meet(held, peer, hop),
    };
  }

  async #meet(held: Held, peer: string, hop: Hop): Promise<boolean> {
    const { plane, rendezvous, joins } = this.#here;
    const other = this.#park(held, peer, hop);
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

  #park({ route, channel, deadline }: Held, name: string, { link, address, told, peerRole }: Hop): Held {
    return {
      connection: newId(),
      address,
      transport: "hop",
      route,
      channel,
      name,
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
