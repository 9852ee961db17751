/** Says in the log that another relay cannot be reached, or turns this one away: once in a while, however many want to go there. */
import type { Logger } from "pino";

const EVERY_MS = 10_000;

interface Trouble {
  readonly saidAt: number;
  /** failures since then */
  more: number;
}

export class HopTrouble {
  readonly #log: Logger;
  /** by address of the relay */
  readonly #troubles = new Map<string, Trouble>();

  constructor(log: Logger) {
    this.#log = log;
  }

  note(address: string, error: unknown): void {
    const now = performance.now();
    const known = this.#troubles.get(address);
    if (known !== undefined && now - known.saidAt < EVERY_MS) {
      known.more++;
      return;
    }
    this.#forgetOld(now);
    this.#troubles.set(address, { saidAt: now, more: 0 });
    const why = error instanceof Error ? error.message : String(error);
    const before = known === undefined ? {} : { before: known.more };
    this.#log.warn({ relay: address, why, ...before }, "a hop to another relay failed");
  }

  #forgetOld(now: number): void {
    for (const [address, { saidAt }] of this.#troubles) {
      if (now - saidAt >= EVERY_MS) this.#troubles.delete(address);
    }
  }
}
