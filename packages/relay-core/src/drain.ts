/** A drain under way: since when, until when sessions may go on, and what happens to them then. */

/** Milliseconds since the epoch. */
export interface DrainTimes {
  readonly startedAt: number;
  readonly deadline: number;
}

/** The longest that a timer can wait. */
const LONGEST_MS = 2 ** 31 - 1;

export class Drain implements DrainTimes {
  readonly startedAt = Date.now();
  deadline = Number.POSITIVE_INFINITY;
  readonly #onDeadline: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(onDeadline: () => void) {
    this.#onDeadline = onDeadline;
  }

  /** From now on, sessions may go on for `ms`, whatever was said before. */
  setDeadline(ms: number): void {
    clearTimeout(this.#timer);
    this.deadline = Date.now() + ms;
    // While there is anything for it to end, that keeps the process running; once there is not, nothing shall.
    this.#timer = setTimeout(this.#onDeadline, Math.min(ms, LONGEST_MS)).unref();
  }

  /** There is nothing left that has to end. */
  over(): void {
    clearTimeout(this.#timer);
  }
}
