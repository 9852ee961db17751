/**
 * Ends sessions in which nothing has moved, in either direction, for too long, and those that have lasted too long. Sleeps until
 * the first of them may be due.
 */
import type { Session } from "./plane.ts";
import { monotonicMs } from "./token-bucket.ts";

export interface SessionTimes {
  /** in which nothing has moved */
  readonly idleTimeoutMs: number;
  /** in all; null: however long */
  readonly maxDurationMs: number | null;
}

export class SessionWatch {
  #times: SessionTimes;
  /** with monotonicMs() of when each began */
  readonly #sessions = new Map<Session, number>();
  #timer: NodeJS.Timeout | null = null;

  constructor(times: SessionTimes) {
    this.#times = times;
  }

  /** For the sessions that there are, too. */
  setTimes(times: SessionTimes): void {
    this.#times = times;
    this.#rest();
    if (this.#sessions.size > 0) this.#sweep();
  }

  /** Watches the session until it ends. */
  add(session: Session): void {
    this.#sessions.set(session, monotonicMs());
    this.#timer ??= setTimeout(this.#sweep, this.#shortest());
    void session.ended.then(() => {
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#rest();
    });
  }

  readonly #sweep = (): void => {
    const { idleTimeoutMs, maxDurationMs } = this.#times;
    const now = monotonicMs();
    let next = now + this.#shortest();
    for (const [session, began] of this.#sessions) {
      const idleAt = session.lastActive + idleTimeoutMs;
      const oldAt = maxDurationMs === null ? Number.POSITIVE_INFINITY : began + maxDurationMs;
      if (oldAt <= now) session.end("lifetime");
      else if (idleAt <= now) session.end("idle_timeout");
      else next = Math.min(next, idleAt, oldAt);
    }
    // One that was ended just now is let go of when that has been done.
    this.#timer = setTimeout(this.#sweep, Math.max(MIN_SLEEP_MS, next - now));
  };

  #shortest(): number {
    const { idleTimeoutMs, maxDurationMs } = this.#times;
    return Math.min(idleTimeoutMs, maxDurationMs ?? idleTimeoutMs);
  }

  #rest(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

const MIN_SLEEP_MS = 10;
