/** What the main thread and a splice thread tell each other: plain data. Ids are never used twice. */
import type { CloseReason } from "../plane.ts";

export type Command =
  /** Watch a parked connection. `quiet`: nothing has been read of it, so that a FIN with nothing before it is a departure. */
  | { readonly kind: "park"; readonly leg: number; readonly fd: number; readonly quiet: boolean }
  /** Join two parked connections. Each is written what is meant for it first; `slot` is the session's in the counters. */
  | {
      readonly kind: "join";
      readonly session: number;
      readonly slot: number;
      readonly legs: readonly [number, number];
      readonly first: readonly [Uint8Array, Uint8Array];
      readonly buckets: readonly SharedArrayBuffer[];
    }
  /** From now on the session is subject to these token buckets alone. */
  | { readonly kind: "throttle"; readonly session: number; readonly buckets: readonly SharedArrayBuffer[] }
  /** A rate has changed: whoever waits for its turn may have it at another time. */
  | { readonly kind: "retime" }
  /** Give a parked connection back. */
  | { readonly kind: "release"; readonly leg: number }
  | { readonly kind: "end"; readonly session: number; readonly reason: CloseReason }
  /** End the sessions one end of which has owed an answer for so long. */
  | { readonly kind: "endUnanswered"; readonly withinMs: number }
  /** Say that you have turned. */
  | { readonly kind: "turn" }
  | { readonly kind: "close" };

export type Report =
  | { readonly kind: "turned" }
  | { readonly kind: "departed"; readonly leg: number }
  | { readonly kind: "joined"; readonly session: number; readonly joined: boolean }
  /** the fd is the main thread's again, which asked for it or has to do without the thread; null if the client had departed */
  | { readonly kind: "released"; readonly leg: number; readonly fd: number | null }
  | {
      readonly kind: "ended";
      readonly session: number;
      readonly reason: CloseReason;
      readonly by: 0 | 1 | null;
    };

/** Shared flags, as indices of an Int32Array. */
export const Flag = {
  /** 1: a wake-up is on its way, and need not be sent again */
  woken: 0,
  /** 1: the process ends; leave the loop at once */
  stop: 1,
  count: 2,
} as const;

/** Shared counters: for each slot, bytes sent by the first end, by the second, and when any last were (monotonicMs()). */
export const Counter = { first: 0, second: 1, lastActive: 2, perSlot: 3 } as const;

export interface ThreadSetup {
  readonly commands: import("node:worker_threads").MessagePort;
  /** becomes readable when there are commands */
  readonly wakeFd: number;
  readonly flags: Int32Array;
  readonly counters: Float64Array;
  /** how the thread is doing: vitals.ts */
  readonly vitals: Float64Array;
  /** how many pipes the thread may have open, and how many of them large */
  readonly pipes: { readonly pipes: number; readonly large: number };
}
