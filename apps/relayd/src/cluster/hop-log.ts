/**
 * How hops to other relays end: counted by outcome. That another relay cannot be reached, or turns this one away, is said in
 * the log: once in a while, however many want to go there.
 */
import { hopFailureOf } from "@serverless-relay/cluster";
import type { ClusterState } from "@serverless-relay/control-api";
import type { Logger } from "pino";

const EVERY_MS = 10_000;

interface Trouble {
  readonly saidAt: number;
  /** failures since then */
  more: number;
}

export class HopLog {
  readonly outcomes: ClusterState["hops"] = {
    met: 0,
    lapsed: 0,
    unreachable: 0,
    not_verified: 0,
    refused: 0,
    timed_out: 0,
    broken: 0,
  };
  readonly #log: Logger;
  /** by address of the relay */
  readonly #troubles = new Map<string, Trouble>();

  constructor(log: Logger) {
    this.#log = log;
  }

  noteMet(): void {
    this.outcomes.met++;
  }

  noteFailed(address: string, error: unknown): void {
    const outcome = hopFailureOf(error);
    this.outcomes[outcome]++;
    if (outcome === "lapsed") return; // the function has left, most likely: nothing to see to
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
    this.#log.warn({ relay: address, outcome, why, ...before }, "a hop to another relay failed");
  }

  #forgetOld(now: number): void {
    for (const [address, { saidAt }] of this.#troubles) {
      if (now - saidAt >= EVERY_MS) this.#troubles.delete(address);
    }
  }
}
