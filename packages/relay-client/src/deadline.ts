/** One deadline, and the caller's AbortSignal, over everything that it takes to connect. */
import { RelayTimeout } from "./errors.ts";

export class Deadline {
  /** What is under way, for the error: "not connected within 500 ms: timed out while <during>". */
  during: string;
  readonly #ended = Promise.withResolvers<never>();
  #timer: NodeJS.Timeout;
  #endsAt: number;
  readonly #signal: AbortSignal | undefined;

  /** Throws the signal's reason if it has been aborted already. */
  constructor(ms: number, signal: AbortSignal | undefined, during: string) {
    signal?.throwIfAborted();
    this.during = during;
    this.#signal = signal;
    this.#endsAt = performance.now() + ms;
    this.#timer = this.#start(ms);
    signal?.addEventListener("abort", this.#onAbort);
    this.#ended.promise.catch(() => {}); // it may come before, or without, `limit`
  }

  /** What `work` gives, unless the deadline comes first. `work` is not stopped by that: take away what it works on. */
  async limit<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#ended.promise]);
  }

  /** What is under way from now on may take `ms`, where that is less than what is left. */
  tighten(ms: number): void {
    const now = performance.now();
    if (now + ms >= this.#endsAt) return;
    this.#endsAt = now + ms;
    clearTimeout(this.#timer);
    this.#timer = this.#start(ms);
  }

  /** To be called in any case: neither timer nor listener is left. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }

  #start(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#ended.reject(new RelayTimeout(`not connected within ${ms} ms: timed out while ${this.during}`));
    }, ms);
  }

  readonly #onAbort = (): void => {
    this.#ended.reject(this.#signal?.reason);
  };
}
