/**
 * The data plane: it owns admitted connections from the moment they are parked, and carries the sessions. One interface;
 * one test suite runs over every implementation of it.
 */
import type { Link } from "../link.ts";

/** Why a session ended: log field and metric label. */
export const CLOSE_REASONS = [
  "completed", // both directions have ended
  "reset", // an end reset its connection, or it broke
  "splice_failed", // a system call failed that never should
  "killed", // an operator ended it
  "route_deleted",
  "idle_timeout",
  "lifetime", // it has lasted as long as a session may
  "drain_deadline",
  "certificate_revoked", // of one of its ends, while it ran; or of that one's issuer
  "certificate_expired",
  "certificate_unknown_issuer", // its CA is no longer one of the relay's
  "shutdown",
] as const;

export type CloseReason = (typeof CLOSE_REASONS)[number];

export interface SessionOutcome {
  readonly reason: CloseReason;
  /** the end that caused it, where one did */
  readonly by: 0 | 1 | null;
  /** bytes sent by the first end, by the second, as delivered to the other */
  readonly bytes: readonly [number, number];
}

/** A parked connection. Whoever holds it ends its stay by exactly one of `DataPlane.join` and `DataPlane.dismiss`. */
export interface Leg {
  /** the client went away: it has been let go of, and can be neither joined nor dismissed */
  readonly departed: boolean;
}

export interface Session {
  /** Settles when both connections are closed. Never rejects. */
  readonly ended: Promise<SessionOutcome>;
  /** sent by the first end, by the second, so far */
  readonly bytes: readonly [number, number];
  /** when a byte was last delivered, or the session began: as monotonicMs(), which no change of the clock moves */
  readonly lastActive: number;
  /** Subjects the session to these, instead of those that it was subject to. */
  throttle(by: readonly Throttle[]): void;
  /** Resets both connections. */
  end(reason: CloseReason): void;
}

/** A rate that the sessions subject to it share evenly, both directions of each together. */
export interface Throttle {
  /** bytes per second; Infinity: unlimited */
  readonly rate: number;
  /** From now on, for those that wait, too. */
  setRate(bytesPerSecond: number): void;
}

/** How a thread of the data plane is doing, for metrics. */
export interface ThreadVitals {
  /** pipes that it has open, in use or not */
  readonly pipes: number;
  /**
   * How long its turns took, since it began: whatever became ready meanwhile had to wait. `counts` has one more than
   * `bounds` (seconds), for what took longer; `seconds` is the sum, and so the time that the thread was busy.
   */
  readonly turns: { readonly bounds: readonly number[]; readonly counts: readonly number[]; readonly seconds: number };
}

export interface DataPlane {
  readonly kind: "stream" | "kernel";

  /**
   * A session is ended, as reset, when one of its ends has owed TCP an answer for so long, in ms, where the system tells of that.
   * An end that answers, and reads nothing, is waited for.
   */
  answerWithinMs: number;

  /** One entry for each thread of its own. Cheap, but not to be asked at every event. */
  threads(): readonly ThreadVitals[];

  /** Resolves once every thread of it has turned: as long as one hangs, it does not. Once it is closed, at once. */
  turned(): Promise<void>;

  /**
   * Takes the connection over and watches it. A client that resets, or ends without having sent a byte, has departed:
   * `onDeparted` is called, at most once, and never after `join` or `dismiss`. What it sends waits.
   */
  park(link: Link, onDeparted: () => void): Leg;

  /**
   * Joins two parked connections: each is sent its head, then the other's bytes, no faster than each of `throttles`
   * allows. Null if one of them has departed; the other stays parked.
   */
  join(
    first: Leg,
    firstHead: Buffer,
    second: Leg,
    secondHead: Buffer,
    throttles?: readonly Throttle[],
  ): Promise<Session | null>;

  /** A rate for sessions of this plane. Nothing has to be done with it when it is not needed any more. */
  openThrottle(bytesPerSecond: number): Throttle;

  /** Last words for a parked client, then its connection is closed, so that it gets to read them. */
  dismiss(leg: Leg, words: Buffer): void;

  /** Resets whatever is left. */
  close(): Promise<void>;
}
