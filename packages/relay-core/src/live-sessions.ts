/** The sessions under way: looked up, watched while nothing moves, and ended, one by one or by what they have in common. */
import type { LiveSession } from "./relay-view.ts";
import { IdleWatch } from "./splice/idle-watch.ts";
import type { CloseReason, Session } from "./splice/plane.ts";

/** A session, and what is known of it. */
export interface Joined {
  readonly live: LiveSession;
  readonly session: Session;
}

export class LiveSessions {
  readonly #joined = new Map<string, Joined>();
  readonly #idle: IdleWatch;
  #onNone: (() => void) | null = null;

  constructor(limits: { readonly idleTimeoutMs: number }) {
    this.#idle = new IdleWatch(limits.idleTimeoutMs);
  }

  get size(): number {
    return this.#joined.size;
  }

  list(): LiveSession[] {
    return [...this.#joined.values()].map(({ live }) => live);
  }

  add(joined: Joined): void {
    this.#joined.set(joined.live.id, joined);
    this.#idle.add(joined.session);
  }

  /** It has ended. */
  delete(id: string): void {
    this.#joined.delete(id);
    if (this.#joined.size === 0) this.#onNone?.();
  }

  /** Resets both ends of a session. False if there is no such session. */
  end(id: string, reason: CloseReason): boolean {
    const joined = this.#joined.get(id);
    joined?.session.end(reason);
    return joined !== undefined;
  }

  /** Resets both ends of each session of which `which` is true. Returns how many. */
  endWhere(which: (live: LiveSession) => boolean, reason: CloseReason): number {
    const ending = [...this.#joined.values()].filter(({ live }) => which(live));
    for (const { session } of ending) session.end(reason);
    return ending.length;
  }

  /** Resolves once there is none, having reset after `deadlineMs` those that are left. */
  async allEnded(deadlineMs: number): Promise<void> {
    if (this.#joined.size === 0) return;
    const { promise: none, resolve } = Promise.withResolvers<void>();
    this.#onNone = resolve;
    const deadline = setTimeout(() => this.endWhere(() => true, "drain_deadline"), deadlineMs);
    await none;
    clearTimeout(deadline);
  }
}
