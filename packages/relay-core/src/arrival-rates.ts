/**
 * How many arrive in a second, counted by where they come from or who they are: a token bucket for each, of one second's worth.
 * No timers, and no more memory than `MOST_BUCKETS` twice over, whoever comes: a bucket that has not been used for a second is
 * full, and a full one is as good as none.
 */
interface Bucket {
  tokens: number;
  /** `performance.now()` */
  at: number;
}

const REFILL_MS = 1_000;
/** Of a generation. With more, those are forgotten that were not seen lately, and may arrive anew. */
const MOST_BUCKETS = 65_536;

export class ArrivalRates {
  #perSecond: number;
  #young = new Map<string, Bucket>();
  /** not used since the last turn; dropped at the next one */
  #old = new Map<string, Bucket>();
  #turnedAt = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  set perSecond(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Whether one more may arrive. `now`: `performance.now()` */
  admits(key: string, now: number): boolean {
    if (now - this.#turnedAt >= REFILL_MS || this.#young.size >= MOST_BUCKETS) this.#turn(now);
    const bucket = this.#find(key, now);
    bucket.tokens = Math.min(this.#perSecond, bucket.tokens + ((now - bucket.at) * this.#perSecond) / REFILL_MS);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #find(key: string, now: number): Bucket {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const bucket = this.#old.get(key) ?? { tokens: this.#perSecond, at: now };
    this.#old.delete(key);
    this.#young.set(key, bucket);
    return bucket;
  }

  #turn(now: number): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#turnedAt = now;
  }
}
