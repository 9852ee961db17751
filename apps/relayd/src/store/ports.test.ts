import { describe, expect, it } from "vitest";
import { allotPort } from "./ports.ts";

const range = { first: 20_000, last: 20_002 };

describe("a route's port", () => {
  it.each([
    ["is the one it had", { kept: 20_001, taken: [] }, 20_001],
    ["is the lowest that is free, if it had none", { taken: [20_000] }, 20_001],
    ["is the lowest that is free, if another took the one it had", { kept: 20_001, taken: [20_000, 20_001] }, 20_002],
    ["is the lowest that is free, if the range has moved away", { kept: 19_999, taken: [] }, 20_000],
    ["is the one that was asked for, whatever it had", { wanted: 20_002, kept: 20_001, taken: [] }, 20_002],
    ["may be asked for outside the range", { wanted: 9000, taken: [] }, 9000],
    ["is none, if the one asked for is taken", { wanted: 20_001, kept: 20_000, taken: [20_001] }, null],
    ["is none, if all are taken", { taken: [20_000, 20_001, 20_002] }, null],
  ])("%s", (_name, { taken, ...request }, expected) => {
    expect(allotPort({ range, ...request, taken: new Set(taken) })).toBe(expected);
  });
});
