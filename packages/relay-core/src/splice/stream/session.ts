/**
 * A session carried by Node streams: each direction for itself, so that half-close is; backpressure is `pause` and `drain`;
 * a broken connection resets the other.
 */
import { Allowance } from "../allowance.ts";
import type { Tcp } from "../answers.ts";
import type { CloseReason, Session, SessionOutcome, Throttle } from "../plane.ts";
import { bucketsOf } from "../throttle.ts";
import { monotonicMs } from "../token-bucket.ts";
import { Direction } from "./direction.ts";
import type { StreamLeg } from "./leg.ts";

/** Node's timers overflow soon after. A session that waits so long is asked again. */
const LONGEST_WAIT_MS = 60_000;

export class StreamSession implements Session {
  readonly ended: Promise<SessionOutcome>;
  readonly bytes: [number, number] = [0, 0];
  lastActive = monotonicMs();
  readonly #legs: readonly [StreamLeg, StreamLeg];
  readonly #directions: readonly [Direction, Direction];
  readonly #settle: (outcome: SessionOutcome) => void;
  #allowance: Allowance | null;
  /** ends the wait for the allowance, if there is one */
  #stopWaiting: (() => void) | null = null;
  /** the direction that is served first: the one that was not served last, for they share the allowance */
  #first: 0 | 1 = 0;
  #over = false;
  #directionsOpen = 2;

  /** Takes over two parked legs. */
  constructor(first: StreamLeg, firstHead: Buffer, second: StreamLeg, secondHead: Buffer, allowance: Allowance | null) {
    const { promise, resolve } = Promise.withResolvers<SessionOutcome>();
    this.ended = promise;
    this.#settle = resolve;
    this.#legs = [first, second];
    this.#allowance = allowance;
    const stays = [first.unpark(), second.unpark()] as const;
    for (const [end, leg] of this.#legs.entries()) {
      leg.stream.on("error", () => this.#broke(end as 0 | 1));
      leg.stream.on("close", () => this.#broke(end as 0 | 1));
    }
    if (firstHead.length > 0) first.stream.write(firstHead);
    if (secondHead.length > 0) second.stream.write(secondHead);
    this.#directions = [
      new Direction(first.stream, second.stream, stays[0], this.#carrier(0)),
      new Direction(second.stream, first.stream, stays[1], this.#carrier(1)),
    ];
  }

  throttle(by: readonly Throttle[]): void {
    if (this.#over) return;
    this.#allowance?.release();
    this.#allowance = Allowance.of(bucketsOf(by));
    this.#advance();
  }

  /** A rate has changed. */
  retime(): void {
    if (this.#stopWaiting !== null) this.#advance();
  }

  end(reason: CloseReason): void {
    this.#finish(reason, null);
  }

  /** Resets it if one of its ends has owed TCP an answer for so long. */
  endUnanswered(tcp: Tcp, withinMs: number, now: number): void {
    for (const [end, leg] of this.#legs.entries()) {
      if (leg.owedMs(tcp, now) >= withinMs) this.#broke(end as 0 | 1);
    }
  }

  #carrier(from: 0 | 1) {
    return {
      allowance: () => this.#allowance,
      isOver: () => this.#over,
      delivered: (bytes: number) => {
        this.bytes[from] += bytes;
        this.#first = from === 0 ? 1 : 0;
        this.lastActive = monotonicMs();
      },
      throttled: () => this.#wait(),
      done: () => this.#directionDone(),
    };
  }

  /** Until the allowance is due. */
  #wait(): void {
    if (this.#allowance === null || this.#stopWaiting !== null) return;
    const ms = Math.ceil(Math.min(LONGEST_WAIT_MS, this.#allowance.dueAt() - monotonicMs()));
    if (ms <= 0) {
      const next = setImmediate(this.#advance);
      this.#stopWaiting = () => clearImmediate(next);
    } else {
      const next = setTimeout(this.#advance, ms);
      this.#stopWaiting = () => clearTimeout(next);
    }
  }

  readonly #advance = (): void => {
    this.#endWait();
    this.#allowance?.nextTurn();
    const first = this.#first;
    this.#directions[first].advance();
    this.#directions[first === 0 ? 1 : 0].advance();
  };

  #endWait(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = null;
  }

  #directionDone(): void {
    if (--this.#directionsOpen === 0) this.#finish("completed", null);
  }

  #broke(end: 0 | 1): void {
    // It closes by itself once both its directions are over; the other may still have bytes to take.
    if (!this.#legs[end].isOver) this.#finish("reset", end);
  }

  #finish(reason: CloseReason, by: 0 | 1 | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#endWait();
    this.#allowance?.release();
    for (const leg of this.#legs) {
      if (reason === "completed") leg.stream.destroy();
      else leg.reset();
    }
    this.#settle({ reason, by, bytes: this.bytes });
  }
}
