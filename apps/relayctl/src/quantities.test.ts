import { describe, expect, it } from "vitest";
import { count, formatBytes, formatDuration } from "./quantities.ts";

describe("quantities", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1536, "1.5 KiB"],
    [5 * 2 ** 30, "5.0 GiB"],
    [2 ** 70, "1048576.0 PiB"],
  ])("%d bytes are %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [0.4, "0s"],
    [59, "59s"],
    [60, "1m"],
    [3725, "1h 2m"],
    [86_400 * 400 + 61, "400d"],
    [86_400 + 7200, "1d 2h"],
  ])("%d seconds are %s", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  it("agree with their nouns", () => {
    expect([0, 1, 2].map((amount) => count(amount, "route"))).toEqual(["0 routes", "1 route", "2 routes"]);
  });
});
