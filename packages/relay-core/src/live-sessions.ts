/** The sessions under way: looked up, watched while nothing moves, and ended, one by one or by what they have in common. */
import type { Identity } from "./admission/identity.ts";
import type { BandwidthShare } from "./bandwidth.ts";
import { type Route, routeKey } from "./pairing/routes.ts";
import type { Stay } from "./quotas.ts";
import type { LiveSession } from "./relay-view.ts";
import type { CloseReason, Session } from "./splice/plane.ts";
import { type SessionTimes, SessionWatch } from "./splice/session-watch.ts";

/** A session, and what is known of it. */
export interface Joined {
  readonly live: LiveSession;
  readonly session: Session;
  readonly bandwidth: BandwidthShare;
  /** of its ends; null behind a plain listener */
  readonly identities: readonly [Identity | null, Identity | null];
  /** what its ends are counted as */
  readonly stays: readonly [Stay | null, Stay | null];
  /** the end for whose sake the relay ended it */
  blamed: 0 | 1 | null;
}

export class LiveSessions {
  readonly #joined = new Map<string, Joined>();
  /** by route key; a route without sessions is not in here */
  readonly #onRoutes = new Map<string, Set<Joined>>();
  readonly #watch: SessionWatch;
  #onNone: (() => void) | null = null;

  constructor(times: SessionTimes) {
    this.#watch = new SessionWatch(times);
  }

  setTimes(times: SessionTimes): void {
    this.#watch.setTimes(times);
  }

  get size(): number {
    return this.#joined.size;
  }

  list(): LiveSession[] {
    return [...this.#joined.values()].map(({ live }) => live);
  }

  find(id: string): LiveSession | undefined {
    return this.#joined.get(id)?.live;
  }

  on(route: Route): Joined[] {
    return [...(this.#onRoutes.get(keyOf(route)) ?? [])];
  }

  countOn(route: Route): number {
    return this.#onRoutes.get(keyOf(route))?.size ?? 0;
  }

  all(): Joined[] {
    return [...this.#joined.values()];
  }

  add(joined: Joined): void {
    this.#joined.set(joined.live.id, joined);
    const key = keyOf(joined.live.route);
    const others = this.#onRoutes.get(key);
    if (others === undefined) this.#onRoutes.set(key, new Set([joined]));
    else others.add(joined);
    this.#watch.add(joined.session);
  }

  /** It has ended. */
  delete(joined: Joined): void {
    this.#joined.delete(joined.live.id);
    const key = keyOf(joined.live.route);
    const others = this.#onRoutes.get(key);
    others?.delete(joined);
    if (others?.size === 0) this.#onRoutes.delete(key);
    if (this.#joined.size === 0) this.#onNone?.();
  }

  /** Resets both ends of a session. False if there is no such session. */
  end(id: string, reason: CloseReason): boolean {
    const joined = this.#joined.get(id);
    joined?.session.end(reason);
    return joined !== undefined;
  }

  /** Resets both ends, for the sake of one of them. */
  endFor(joined: Joined, end: 0 | 1, reason: CloseReason): void {
    joined.blamed = end;
    joined.session.end(reason);
  }

  /** Resolves once there is none. */
  async allEnded(): Promise<void> {
    if (this.#joined.size === 0) return;
    const { promise: none, resolve } = Promise.withResolvers<void>();
    this.#onNone = resolve;
    await none;
  }
}

function keyOf({ f1, f2 }: Route): string {
  return routeKey(f1, f2);
}
