/** Tells of who is parked here, and has no peer here; and offers it to other relays, where there are any. */
import type { Elsewhere } from "./elsewhere.ts";
import { type Held, peerNameOf } from "./held.ts";
import { HeldSeeker, type Surroundings } from "./held-seeker.ts";
import type { Pair } from "./pairing/rendezvous.ts";
import type { OnWaiting, Waiting } from "./waiting.ts";

/** Who is to know of those that wait. */
interface Told {
  readonly elsewhere?: Elsewhere | undefined;
  readonly onWaiting?: OnWaiting | undefined;
}

/** To be called with whether it has met. */
type Stop = (met: boolean) => void;

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
    const stop = this.#elsewhere.seek(new HeldSeeker(held, held.name, watch, this.#here));
    return (met) => {
      stop();
      watch?.over(met);
    };
  }
}

function waitingOf({ connection, route, channel, parkedAt, deadline }: Held, name: string): Waiting {
  return { connection, route, channel, name, peer: peerNameOf(route, name), parkedAt, deadline };
}
