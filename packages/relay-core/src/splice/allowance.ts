/**
 * What one session may move, of each of the buckets that it is subject to: a quantum at a time, its two directions together,
 * so that sessions share a rate evenly, whichever way their bytes go.
 */
import { monotonicMs, type TokenBucket } from "./token-bucket.ts";

export class Allowance {
  readonly #buckets: readonly TokenBucket[];
  /** how much has been taken of each bucket; 0: nothing is taken at the moment */
  #taken = 0;
  /** up to where, in each bucket */
  readonly #positions: number[];
  /** has moved a quantum in this turn */
  #served = false;

  private constructor(buckets: readonly TokenBucket[]) {
    this.#buckets = buckets;
    this.#positions = buckets.map(() => 0);
  }

  /** Null where there is nothing to be subject to. */
  static of(buckets: readonly TokenBucket[]): Allowance | null {
    return buckets.length === 0 ? null : new Allowance(buckets);
  }

  /** It may move a quantum again, if that is due: all that wait shall have had their turn since the last one. */
  nextTurn(): void {
    this.#served = false;
  }

  /**
   * Bytes that may be moved now, once a turn; 0: not before `dueAt`, or not in this turn. What is given has to be accounted for
   * by `spend`.
   */
  take(now = monotonicMs()): number {
    if (this.#taken === 0) this.#reserve(now);
    return !this.#served && this.dueAt() <= now ? this.#taken : 0;
  }

  /** When its turn is, in ms as `monotonicMs()`. To be asked again when a rate has changed. */
  dueAt(): number {
    let latest = Number.NEGATIVE_INFINITY;
    for (const [index, bucket] of this.#buckets.entries()) {
      latest = Math.max(latest, bucket.dueAt(this.#positions[index] ?? 0));
    }
    return latest;
  }

  /** So many bytes were moved of what was taken; the others are for somebody else. */
  spend(moved: number): void {
    for (const bucket of this.#buckets) bucket.refund(this.#taken - moved);
    this.#taken = 0;
    if (moved > 0) this.#served = true;
  }

  /** The session has ended, or is not subject to these any more. */
  release(): void {
    this.spend(0);
  }

  #reserve(now: number): void {
    this.#taken = Math.min(...this.#buckets.map(({ quantum }) => quantum));
    for (const [index, bucket] of this.#buckets.entries()) this.#positions[index] = bucket.reserve(this.#taken, now);
  }
}
