import { describe, expect, it } from "vitest";
import { count, formatBytes, formatDuration, parseBytes, parseDuration } from "./quantities.ts";

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

  it.each([
    ["500ms", 0.5],
    ["30s", 30],
    ["15m", 900],
    ["2h", 7200],
    ["7d", 604_800],
    ["0s", null],
    ["30", null],
    ["1w", null],
    ["-1s", null],
    ["1 constructor", null],
  ])("%s is a duration of %s seconds", (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each([
    ["512B", 512],
    ["64KiB", 65_536],
    ["10 MiB", 10_485_760],
    ["10MB", null],
    ["999999999999PiB", null],
  ])("%s are %s bytes", (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it("agree with their nouns", () => {
    expect([0, 1, 2].map((amount) => count(amount, "route"))).toEqual(["0 routes", "1 route", "2 routes"]);
  });
});
