/** Ends sessions in which nothing has moved, in either direction, for too long. Sleeps until the first of them may be due. */
import type { Session } from "./plane.ts";

export class IdleWatch {
  readonly #limitMs: number;
  readonly #sessions = new Set<Session>();
  #timer: NodeJS.Timeout | null = null;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Watches the session until it ends. */
  add(session: Session): void {
    this.#sessions.add(session);
    this.#timer ??= setTimeout(this.#sweep, this.#limitMs);
    void session.ended.then(() => {
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#rest();
    });
  }

  readonly #sweep = (): void => {
    const now = Date.now();
    let oldest = now;
    for (const session of this.#sessions) {
      if (now - session.lastActive >= this.#limitMs) session.end("idle_timeout");
      else oldest = Math.min(oldest, session.lastActive);
    }
    // One that was ended just now is let go of when that has been done.
    this.#timer = setTimeout(this.#sweep, Math.max(MIN_SLEEP_MS, oldest + this.#limitMs - now));
  };

  #rest(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

const MIN_SLEEP_MS = 10;
