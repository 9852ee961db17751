import { expect, it } from "vitest";
import { parseDuration } from "./flags.ts";

it.each([
  ["0s", 0],
  ["250ms", 250],
  ["30s", 30_000],
  ["15m", 900_000],
  ["12h", 43_200_000],
])("%s is a duration", (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

it.each(["", "30", "s", "-1s", "1.5s", "1 s", "1d", "1S", "597h", "9999999999s"])("%j is none", (text) => {
  expect(parseDuration(text)).toBeNull();
});
