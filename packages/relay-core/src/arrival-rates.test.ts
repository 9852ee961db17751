import { expect, it } from "vitest";
import { ArrivalRates } from "./arrival-rates.ts";

/** How many of `count` arrivals at `now` are admitted. */
function admitted(rates: ArrivalRates, key: string, now: number, count: number): number {
  return Array.from({ length: count }, () => rates.admits(key, now)).filter(Boolean).length;
}

it("admits a second's worth at once, and then as many as the rate says", () => {
  const rates = new ArrivalRates(10);
  expect(admitted(rates, "a", 5_000, 100)).toBe(10);
  expect(admitted(rates, "a", 5_000, 100)).toBe(0);
  expect(admitted(rates, "a", 5_300, 100)).toBe(3);
  let inTenSeconds = 0;
  for (let now = 5_300; now < 15_300; now += 7) inTenSeconds += admitted(rates, "a", now, 3);
  expect(inTenSeconds).toBeGreaterThanOrEqual(99);
  expect(inTenSeconds).toBeLessThanOrEqual(100);
});

it("counts each for itself", () => {
  const rates = new ArrivalRates(1);
  expect(admitted(rates, "a", 5_000, 2)).toBe(1);
  expect(admitted(rates, "b", 5_000, 2)).toBe(1);
});

it("takes up another rate with the next arrival", () => {
  const rates = new ArrivalRates(100);
  expect(admitted(rates, "a", 5_000, 1)).toBe(1);
  rates.perSecond = 5;
  expect(admitted(rates, "a", 5_000, 100)).toBe(5);
});

it("forgets those whom it has not seen for a second, and holds no more than it may of those whom it has", () => {
  const rates = new ArrivalRates(1);
  for (let index = 0; index < 300_000; index++) rates.admits(`address ${index}`, 5_000);
  expect(rates.size).toBeLessThanOrEqual(2 * 65_536);
  rates.admits("a", 6_001);
  rates.admits("a", 7_002);
  expect(rates.size).toBe(1);
});
