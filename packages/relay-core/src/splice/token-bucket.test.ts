import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Allowance } from "./allowance.ts";
import { monotonicMs, TokenBucket } from "./token-bucket.ts";

const MIB = 1 << 20;

/** Moves quanta as soon as they are due, until `end`; how many bytes that were. Its clock is its own. */
function run(flows: readonly { allowance: Allowance; has: () => number; moved: number }[], from: number, end: number) {
  for (let now = from; now < end; now++) {
    for (const flow of flows) {
      for (;;) {
        flow.allowance.nextTurn();
        const allowed = flow.allowance.take(now);
        if (allowed === 0) break;
        const moved = Math.min(allowed, flow.has());
        flow.allowance.spend(moved);
        flow.moved += moved;
        if (moved < allowed) break;
      }
    }
  }
}

function flow(buckets: readonly TokenBucket[], has: () => number = () => Number.POSITIVE_INFINITY) {
  const allowance = Allowance.of(buckets);
  if (allowance === null) throw new Error("subject to nothing");
  return { allowance, has, moved: 0 };
}

const total = (flows: readonly { moved: number }[]) => flows.reduce((sum, { moved }) => sum + moved, 0);

describe("a token bucket", () => {
  it("hands out its rate within a hundredth over 10 s, to one and to 50", () => {
    for (const count of [1, 50]) {
      const bucket = TokenBucket.of(10 * MIB, 0);
      const flows = Array.from({ length: count }, () => flow([bucket]));
      run(flows, 0, 1); // the burst is the first one's
      run(flows, 1, 10_000);
      expect(total(flows)).toBeGreaterThan(0.99 * 100 * MIB);
      expect(total(flows)).toBeLessThan(1.011 * 100 * MIB);
      const shares = flows.slice(1).map(({ moved }) => moved);
      if (count > 1) expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(2 * bucket.quantum);
    }
  });

  it("never hands out more than rate and burst, whatever those who share it have to move", () => {
    const amounts = fc.array(fc.array(fc.nat(100_000), { minLength: 1 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.integer({ min: 2_000, max: 50 * MIB }), amounts, (rate, all) => {
        const bucket = TokenBucket.of(rate, 0);
        const flows = all.map((sizes) => {
          let turn = 0;
          return flow([bucket], () => sizes[turn++ % sizes.length] ?? 0);
        });
        run(flows, 0, 300);
        expect(total(flows)).toBeLessThanOrEqual(0.3 * rate + Math.max(4096, rate / 10) + 1);
      }),
      { numRuns: 30 },
    );
  });

  it("gives to others what one of them does not use", () => {
    const bucket = TokenBucket.of(10 * MIB, 0);
    const [busy, trickling] = [flow([bucket]), flow([bucket], () => 100)];
    run([busy, trickling], 0, 1_000);
    expect(busy.moved).toBeGreaterThan(9.5 * MIB);
  });

  it("forgets what was not used, but for the burst", () => {
    const bucket = TokenBucket.of(10 * MIB, 0);
    const late = flow([bucket]);
    run([late], 60_000, 60_001);
    expect(late.moved).toBeLessThanOrEqual(MIB);
  });

  it("holds for whoever waits already, when its rate changes", () => {
    const bucket = TokenBucket.of(1_000, 0);
    const one = flow([bucket]);
    run([one], 0, 100);
    bucket.setRate(MIB, 100);
    run([one], 100, 1_100);
    expect(one.moved).toBeGreaterThan(0.95 * MIB);
    expect(one.moved).toBeLessThan(1.05 * MIB);
  });

  it("is lifted by Infinity, and what went meanwhile is not to be paid for", () => {
    const bucket = TokenBucket.of(1_000, 0);
    expect(bucket.rate).toBe(1_000);
    bucket.setRate(Number.POSITIVE_INFINITY, 0);
    expect(bucket.rate).toBe(Number.POSITIVE_INFINITY);
    let left = 100 * MIB;
    const one = flow([bucket], () => {
      left -= bucket.quantum;
      return left > 0 ? bucket.quantum : 0;
    });
    run([one], 0, 1);
    expect(one.moved).toBeGreaterThan(99 * MIB);
    bucket.setRate(MIB, 1);
    const other = flow([bucket]);
    run([other], 1, 1_001);
    expect(other.moved).toBeGreaterThan(0.95 * MIB);
  });

  it("is the same bucket for everybody who has its memory", () => {
    const mine = TokenBucket.of(MIB);
    const yours = new TokenBucket(mine.memory);
    mine.setRate(2 * MIB);
    expect(yours.rate).toBe(2 * MIB);
    const now = monotonicMs();
    expect(yours.reserve(1_000, now)).toBe(mine.reserve(0, now));
  });
});

describe("an allowance", () => {
  it("is as small as the slowest of its buckets, and the others keep what it does not use", () => {
    const [slow, fast] = [TokenBucket.of(MIB, 0), TokenBucket.of(10 * MIB, 0)];
    const [both, fastOnly] = [flow([slow, fast]), flow([fast])];
    run([both, fastOnly], 0, 2_000);
    expect(both.moved).toBeGreaterThan(1.9 * MIB);
    expect(both.moved).toBeLessThan(2.2 * MIB);
    expect(total([both, fastOnly])).toBeGreaterThan(19 * MIB);
    expect(total([both, fastOnly])).toBeLessThan(21.1 * MIB);
  });

  it("moves a quantum a turn, so that of a burst everybody has some", () => {
    const bucket = TokenBucket.of(MIB, 0);
    const { allowance } = flow([bucket]);
    expect(allowance.take(1_000)).toBe(bucket.quantum);
    allowance.spend(bucket.quantum);
    expect(allowance.take(1_000)).toBe(0);
    expect(allowance.dueAt()).toBeLessThan(1_000);
    allowance.nextTurn();
    expect(allowance.take(1_000)).toBe(bucket.quantum);
  });

  it("is none where there is nothing to be subject to", () => {
    expect(Allowance.of([])).toBeNull();
  });
});
