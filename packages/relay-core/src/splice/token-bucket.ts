/**
 * A rate in bytes that flows of any number of threads share, in memory that they share. Promises: over any stretch of time no
 * more than rate × time is handed out, and a small burst; who asks first is served first, so that nobody starves.
 *
 * There are two positions in bytes. `reserved` is how far the rate has been handed out. The clock is how far time has brought
 * it: it runs at the rate. To take bytes is to move `reserved` on by them, at once, even beyond the clock; they may be moved
 * when the clock gets there. So each flow knows when its turn is, nobody has to be told, and a change of the rate, which is the
 * clock's speed, holds for those that wait already.
 */

/** The burst: what may be handed out at once after a rest, or when a busy machine let everybody wait. */
const BURST_MS = 100;
const LEAST_BURST = 4096;

/** A flow takes so much at a time: small enough for others to have their turn soon, large enough to be worth a system call. */
const QUANTUM_MS = 4;
const LEAST_QUANTUM = 1024;
const LARGEST_QUANTUM = 256 * 1024;

/** Indices. The clock's facts are there twice: written where nobody reads, then made the current ones. */
const RESERVED = 0;
const VERSION = 1;
const FACTS = 2;
const Fact = { rate: 0, position: 1, time: 2, count: 3 } as const;
/** A position that no burst reaches back to. */
const LONG_AGO = -(1n << 40n);
const STATE_LENGTH = FACTS + 2 * Fact.count;

/** Where the clock was at a time, and its speed. */
interface Clock {
  /** bytes per second; 0: unlimited, the clock does not matter */
  readonly rate: number;
  readonly position: number;
  /** ms, as `monotonicMs()` */
  readonly time: number;
}

/** Milliseconds of a clock that is the same in all threads. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export class TokenBucket {
  /** what another thread needs to have the same bucket */
  readonly memory: SharedArrayBuffer;
  readonly #state: BigInt64Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#state = new BigInt64Array(memory);
  }

  /** @param rate bytes per second; Infinity: unlimited */
  static of(rate: number, now = monotonicMs()): TokenBucket {
    const bucket = new TokenBucket(new SharedArrayBuffer(STATE_LENGTH * BigInt64Array.BYTES_PER_ELEMENT));
    bucket.setRate(rate, now);
    Atomics.store(bucket.#state, RESERVED, LONG_AGO); // it begins rested
    return bucket;
  }

  /** Bytes per second; Infinity: unlimited. */
  get rate(): number {
    const { rate } = this.#clock();
    return rate === 0 ? Number.POSITIVE_INFINITY : rate;
  }

  /** For one thread alone: that which made it. Whoever waits has to ask `dueAt` again. */
  setRate(rate: number, now = monotonicMs()): void {
    const before = this.#clock();
    // An unlimited bucket has been handing out without regard to the clock; it is not to be paid for.
    const position = before.rate === 0 ? this.#reserved : positionAt(before, now);
    const next = Atomics.load(this.#state, VERSION) + 1n;
    const at = factsOf(next);
    const written = Number.isFinite(rate) ? Math.max(1, Math.floor(rate)) : 0;
    Atomics.store(this.#state, at + Fact.rate, BigInt(written));
    Atomics.store(this.#state, at + Fact.position, BigInt(Math.floor(position)));
    Atomics.store(this.#state, at + Fact.time, BigInt(Math.round(now * 1e6)));
    Atomics.store(this.#state, VERSION, next);
  }

  /** Bytes that a flow should take at a time. */
  get quantum(): number {
    const { rate } = this.#clock();
    if (rate === 0) return LARGEST_QUANTUM;
    return Math.min(LARGEST_QUANTUM, Math.max(LEAST_QUANTUM, Math.floor((rate * QUANTUM_MS) / 1000)));
  }

  /** Takes `bytes`, to be moved at `dueAt` of the position that is returned. */
  reserve(bytes: number, now: number): number {
    const clock = this.#clock();
    // What nobody took in time is gone, but for the burst.
    const earliest = clock.rate === 0 ? Number.NEGATIVE_INFINITY : Math.floor(positionAt(clock, now)) - burstOf(clock);
    for (;;) {
      const before = Atomics.load(this.#state, RESERVED);
      const end = Math.max(Number(before), earliest) + bytes;
      if (Atomics.compareExchange(this.#state, RESERVED, before, BigInt(end)) === before) return end;
    }
  }

  /** Gives back what was taken and not moved. */
  refund(bytes: number): void {
    if (bytes > 0) Atomics.sub(this.#state, RESERVED, BigInt(bytes));
  }

  /** When the clock gets to `position`, in ms; it may be in the past. */
  dueAt(position: number): number {
    const clock = this.#clock();
    if (clock.rate === 0) return Number.NEGATIVE_INFINITY;
    return clock.time + ((position - clock.position) / clock.rate) * 1000;
  }

  get #reserved(): number {
    return Number(Atomics.load(this.#state, RESERVED));
  }

  #clock(): Clock {
    for (;;) {
      const version = Atomics.load(this.#state, VERSION);
      const at = factsOf(version);
      const rate = Number(Atomics.load(this.#state, at + Fact.rate));
      const position = Number(Atomics.load(this.#state, at + Fact.position));
      const time = Number(Atomics.load(this.#state, at + Fact.time)) / 1e6;
      if (Atomics.load(this.#state, VERSION) === version) return { rate, position, time };
    }
  }
}

function factsOf(version: bigint): number {
  return FACTS + Number(version & 1n) * Fact.count;
}

function positionAt({ rate, position, time }: Clock, now: number): number {
  return position + ((now - time) / 1000) * rate;
}

function burstOf({ rate }: Clock): number {
  return Math.max(LEAST_BURST, Math.floor((rate * BURST_MS) / 1000));
}
