/** One timer for the certificates of all who are here: it sleeps until the first of them runs out. */

/** Certificates end on whole seconds; so many that end one after another are looked through once a second at most. */
const MIN_SLEEP_MS = 1_000;
/** The clock may be set meanwhile, of which nobody tells; a wake-up a minute costs nothing. */
const MAX_SLEEP_MS = 60_000;

export class ExpiryWatch {
  readonly #onDue: (now: number) => number;
  #timer: NodeJS.Timeout | null = null;
  #wakesAt = Number.POSITIVE_INFINITY;
  #lastLook = 0;

  /** `onDue` is called when something may have run out; it gives the next moment of interest, or Infinity. */
  constructor(onDue: (now: number) => number) {
    this.#onDue = onDue;
  }

  /** Something is watched that runs out at `moment`, in milliseconds since the epoch. */
  note(moment: number): void {
    if (moment < this.#wakesAt) this.#sleepUntil(moment);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#wakesAt = Number.NEGATIVE_INFINITY;
  }

  #sleepUntil(moment: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#wakesAt = moment;
    if (moment === Number.POSITIVE_INFINITY) return;
    const now = Date.now();
    const earliest = Math.max(moment, this.#lastLook + MIN_SLEEP_MS, now);
    this.#timer = setTimeout(() => this.#wake(), Math.min(earliest - now, MAX_SLEEP_MS));
    this.#timer.unref();
  }

  #wake(): void {
    const now = Date.now();
    if (now < this.#wakesAt) {
      this.#sleepUntil(this.#wakesAt);
      return;
    }
    this.#lastLook = now;
    this.#wakesAt = Number.POSITIVE_INFINITY;
    const next = this.#onDue(now);
    if (next < this.#wakesAt) this.#sleepUntil(next);
  }
}
