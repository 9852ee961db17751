import { expect, it } from "vitest";
import { free } from "./free.ts";

it("gives back memory that a chunk has for its own, at once", () => {
  const before = process.memoryUsage().arrayBuffers;
  const chunk = Buffer.alloc(64 << 20, 1);
  free(chunk);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 << 20);
  expect(chunk).toHaveLength(0);
  free(chunk); // of no use, and no harm
});

it("leaves alone what is a part of something larger", () => {
  const whole = Buffer.allocUnsafeSlow(10).fill("a");
  free(whole.subarray(0, 9));
  free(whole.subarray(1));
  expect(whole.toString()).toBe("aaaaaaaaaa");
  const pooled = Buffer.from("pooled");
  free(pooled);
  expect(pooled.toString()).toBe("pooled");
});

it("leaves alone what threads share", () => {
  const shared = Buffer.from(new SharedArrayBuffer(4));
  free(shared);
  expect(shared).toHaveLength(4);
});
