/** Draining: nobody comes in or is paired any more, the parked are turned away, and sessions may go on until a deadline. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { Refusal } from "@serverless-relay/protocol";
import { endSessions } from "./end-sessions.ts";
import type { Held } from "./held.ts";
import type { Joins } from "./joins.ts";
import type { LiveSessions } from "./live-sessions.ts";
import type { Rendezvous } from "./pairing/rendezvous.ts";

export interface DrainTimes {
  /** milliseconds since the epoch */
  readonly startedAt: number;
  readonly deadline: number;
  /** the deadline as performance.now(), which no change of the clock moves */
  readonly due: number;
}

interface Surroundings {
  readonly rendezvous: Rendezvous<Held>;
  readonly joins: Joins;
  readonly sessions: LiveSessions;
  /** seconds after which a client that found the relay draining may try again */
  readonly retryAfter: number;
}

/** The longest that a timer can wait. */
const LONGEST_MS = 2 ** 31 - 1;

export class Drain {
  readonly #here: Surroundings;
  #times: DrainTimes | null = null;
  #timer: NodeJS.Timeout | undefined;
  #drained: Promise<void> | null = null;

  constructor(here: Surroundings) {
    this.#here = here;
  }

  /** Null unless it drains, or has ended. */
  get times(): DrainTimes | null {
    return this.#times;
  }

  /** Throws Refusal if nobody is admitted, or paired, any more. */
  check(): void {
    if (this.#times !== null) throw this.#refusal();
  }

  /** Sessions may go on for `ms` from now, whatever was said before. Resolves when every one has ended. */
  begin(ms: number): Promise<void> {
    clearTimeout(this.#timer);
    const now = Date.now();
    this.#times = { startedAt: this.#times?.startedAt ?? now, deadline: now + ms, due: performance.now() + ms };
    // While there is anything for it to end, that keeps the process running; once there is not, nothing shall.
    const end = () => void endSessions(this.#here, "drain_deadline");
    this.#timer = setTimeout(end, Math.min(ms, LONGEST_MS)).unref();
    this.#drained ??= this.#run();
    return this.#drained;
  }

  /** From now on nobody comes in; resolves when each of the parked has been handed its answer. Sessions are not ended. */
  async close(): Promise<void> {
    this.#times ??= {
      startedAt: Date.now(),
      deadline: Number.POSITIVE_INFINITY,
      due: Number.POSITIVE_INFINITY,
    };
    await this.#turnAllAway();
  }

  async #run(): Promise<void> {
    await this.#turnAllAway();
    await this.#here.sessions.allEnded();
    clearTimeout(this.#timer);
  }

  async #turnAllAway(): Promise<void> {
    const { rendezvous, joins } = this.#here;
    await rendezvous.evict(this.#refusal()).told;
    await joins.settled(); // who is paired already shall have its session
    await nextTurn(); // by then each that was parked has heard of it, and has been dismissed
  }

  #refusal(): Refusal {
    return new Refusal("draining", { retryAfter: this.#here.retryAfter });
  }
}
