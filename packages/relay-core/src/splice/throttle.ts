/** What a plane gives out as a throttle: a token bucket, and how those that wait for it hear of another rate. */
import type { Throttle } from "./plane.ts";
import { TokenBucket } from "./token-bucket.ts";

export class SharedThrottle implements Throttle {
  readonly bucket: TokenBucket;
  readonly #onChange: () => void;

  /** @param rate bytes per second; Infinity: unlimited */
  constructor(rate: number, onChange: () => void) {
    this.bucket = TokenBucket.of(rate);
    this.#onChange = onChange;
  }

  get rate(): number {
    return this.bucket.rate;
  }

  setRate(bytesPerSecond: number): void {
    this.bucket.setRate(bytesPerSecond);
    this.#onChange();
  }
}

export function bucketsOf(throttles: readonly Throttle[]): TokenBucket[] {
  return throttles.map((throttle) => {
    if (throttle instanceof SharedThrottle) return throttle.bucket;
    throw new TypeError("a throttle of another data plane");
  });
}
