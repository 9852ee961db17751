/**
 * How a splice thread is doing: written by it at each turn, read by the main thread without disturbing it. A turn is what
 * the loop does between two looks at epoll: whatever becomes ready meanwhile waits for its end.
 */
import type { ThreadVitals } from "../plane.ts";

/** Turns are counted by how long they took: up to so many seconds each, and in a last one whatever took longer. */
const TURN_BOUNDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1] as const;

/** Indices; `turns` is the first of TURN_BOUNDS.length + 1. */
const At = { pipes: 0, busy: 1, turns: 2 } as const;

/** Shared memory, which goes to the thread with what it is started with. */
export function newVitals(): Float64Array {
  return new Float64Array(new SharedArrayBuffer((At.turns + TURN_BOUNDS.length + 1) * 8));
}

/** Called by the thread, for each turn. */
export function noteTurn(vitals: Float64Array, seconds: number, pipes: number): void {
  let bucket = 0;
  while (seconds > (TURN_BOUNDS[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
  const at = At.turns + bucket;
  vitals[at] = (vitals[at] ?? 0) + 1;
  vitals[At.busy] = (vitals[At.busy] ?? 0) + seconds;
  vitals[At.pipes] = pipes;
}

export function readVitals(vitals: Float64Array): ThreadVitals {
  return {
    pipes: vitals[At.pipes] ?? 0,
    turns: { bounds: TURN_BOUNDS, counts: [...vitals.subarray(At.turns)], seconds: vitals[At.busy] ?? 0 },
  };
}
