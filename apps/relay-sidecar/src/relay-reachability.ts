/** Whether the relay can be reached, for /readyz: by what has just been seen of it, else by looking. */
import { type ConnectOptions, reachRelay } from "@serverless-relay/client";
import { errorFields } from "./log.ts";

/** What was seen so many milliseconds ago still holds: a relay is not to be dialled for every probe. */
const FRESH_MS = 5_000;
/** A probe's own patience is seldom longer. */
const LOOK_MS = 3_000;

export class RelayReachability {
  readonly #options: ConnectOptions;
  #reachedAt = Number.NEGATIVE_INFINITY;
  #look: Promise<readonly string[]> | null = null;

  constructor(options: ConnectOptions) {
    this.#options = { ...options, timeout: LOOK_MS };
  }

  /** It has just answered. */
  reached(): void {
    this.#reachedAt = performance.now();
  }

  /** What keeps it from being reached; empty if nothing does. */
  async unready(): Promise<readonly string[]> {
    if (performance.now() - this.#reachedAt < FRESH_MS) return [];
    this.#look ??= this.#lookNow().finally(() => {
      this.#look = null;
    });
    return this.#look;
  }

  async #lookNow(): Promise<readonly string[]> {
    try {
      await reachRelay(this.#options);
      this.reached();
      return [];
    } catch (error) {
      return [errorFields(error).error];
    }
  }
}
