/**
 * Parked functions whose peers are not here. Whoever can do something about that (wake the peer) is injected, and is told of
 * each of them: relay-core does not know how it is done.
 */
import type { Route } from "./pairing/routes.ts";

/** A parked function whose peer is not parked here, or not in a role that fits. Nobody waits so behind a plain listener. */
export interface Waiting {
  /** id of its connection at this relay */
  readonly connection: string;
  readonly route: Route;
  readonly channel: string;
  readonly name: string;
  readonly peer: string;
  /** `performance.now()`, as is the next */
  readonly parkedAt: number;
  readonly deadline: number;
}

/** What is told of one that waits. None of it may throw. */
export interface WaitWatch {
  /** It was looked for, and is not parked at any other relay either. May be told again. */
  peerIsNowhere(): void;
  /** It waits no more: it has met its peer, or has left, or was refused. */
  over(met: boolean): void;
}

export type OnWaiting = (waiting: Waiting) => WaitWatch;
