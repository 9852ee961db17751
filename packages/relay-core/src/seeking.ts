/**
 * Tells of who is parked here, and has no peer here; offers it to other relays, where there are any, and joins it to the
 * connection that leads to its peer.
 */
import { Refusal } from "@serverless-relay/protocol";
import { formatRefusal } from "./answers.ts";
import type { Elsewhere, Hop, Seeker } from "./elsewhere.ts";
import { type Held, peerNameOf } from "./held.ts";
import { newId } from "./ids.ts";
import type { Joins } from "./joins.ts";
import type { Pair, Rendezvous } from "./pairing/rendezvous.ts";
import type { DataPlane } from "./splice/plane.ts";
import type { OnWaiting, Waiting, WaitWatch } from "./waiting.ts";

/** Who is to know of those that wait. */
interface Told {
  readonly elsewhere?: Elsewhere | undefined;
  readonly onWaiting?: OnWaiting | undefined;
}

interface Surroundings {
  readonly plane: DataPlane;
  readonly rendezvous: Rendezvous<Held>;
  readonly joins: Joins;
}

/** To be called with whether it has met. */
type Stop = (met: boolean) => void;

const NOTHING = Buffer.alloc(0);

export class Seeking {
  readonly #elsewhere: Elsewhere | undefined;
  readonly #onWaiting: OnWaiting | undefined;
  readonly #here: Surroundings;

  constructor({ elsewhere, onWaiting }: Told, here: Surroundings) {
    this.#elsewhere = elsewhere;
    this.#onWaiting = onWaiting;
    this.#here = here;
  }

  /** What becomes of an arrival; as long as it waits, its peer is looked for elsewhere. */
  async during(held: Held, arrival: Promise<Pair<Held>>): Promise<Pair<Held>> {
    const stop = this.#beginOrWithdraw(held, arrival);
    try {
      const pair = await arrival;
      stop?.(true);
      return pair;
    } catch (error) {
      stop?.(false);
      throw error;
    }
  }

  /** One that cannot be sought must not be found either: whoever turns it away is rid of it. */
  #beginOrWithdraw(held: Held, arrival: Promise<Pair<Held>>): Stop | undefined {
    try {
      return this.#begin(held);
    } catch (error) {
      arrival.catch(() => {}); // nobody waits for it any more
      this.#here.rendezvous.withdraw(held);
      throw error;
    }
  }

  /** Undefined if it does not wait, or behind a plain listener, where nobody is sought. */
  #begin(held: Held): Stop | undefined {
    if (held.name === null || !this.#here.rendezvous.has(held)) return undefined;
    const watch = this.#onWaiting?.(waitingOf(held, held.name));
    if (this.#elsewhere === undefined) {
      watch?.peerIsNowhere();
      return watch && ((met) => watch.over(met));
    }
    const stop = this.#elsewhere.seek(this.#seekerOf(held, held.name, watch));
    return (met) => {
      stop();
      watch?.over(met);
    };
  }

  #seekerOf(held: Held, name: string, watch: WaitWatch | undefined): Seeker {
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
      noteNobody: () => watch?.peerIsNowhere(),
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

function waitingOf({ connection, route, channel, parkedAt, deadline }: Held, name: string): Waiting {
  return { connection, route, channel, name, peer: peerNameOf(route, name), parkedAt, deadline };
}
