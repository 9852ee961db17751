/** One deadline, and the caller's AbortSignal, over everything that it takes to connect. */
import { RelayTimeout } from "./errors.ts";

export class Deadline {
  /** What is under way, for the error: "not connected within 500 ms: timed out while <during>". */
  during: string;
  readonly #ended = Promise.withResolvers<never>();
  readonly #timer: NodeJS.Timeout;
  readonly #signal: AbortSignal | undefined;

  /** Throws the signal's reason if it has been aborted already. */
  constructor(ms: number, signal: AbortSignal | undefined, during: string) {
    signal?.throwIfAborted();
    this.during = during;
    this.#signal = signal;
    this.#timer = setTimeout(() => this.#ended.reject(new RelayTimeout(ms, this.during)), ms);
    signal?.addEventListener("abort", this.#onAbort);
    this.#ended.promise.catch(() => {}); // it may come before, or without, `limit`
  }

  /** What `work` gives, unless the deadline comes first. `work` is not stopped by that: take away what it works on. */
  async limit<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#ended.promise]);
  }

  /** To be called in any case: neither timer nor listener is left. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => {
    this.#ended.reject(this.#signal?.reason);
  };
}
