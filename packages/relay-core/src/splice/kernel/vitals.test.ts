import { expect, it } from "vitest";
import { newVitals, noteTurn, readVitals } from "./vitals.ts";

it("counts turns by how long they took, and knows the pipes of the last one", () => {
  const vitals = newVitals();
  noteTurn(vitals, 0.00005, 3);
  noteTurn(vitals, 0.0001, 4);
  noteTurn(vitals, 0.02, 5);
  noteTurn(vitals, 7, 2);
  const { pipes, turns } = readVitals(vitals);
  expect(pipes).toBe(2);
  expect(turns.seconds).toBeCloseTo(7.02015, 9);
  expect(turns.counts).toHaveLength(turns.bounds.length + 1);
  const counted = turns.counts.flatMap((count, index) => (count === 0 ? [] : [[turns.bounds[index] ?? null, count]]));
  expect(counted).toEqual([
    [0.0001, 2],
    [0.025, 1],
    [null, 1],
  ]);
});
