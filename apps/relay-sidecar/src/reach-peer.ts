/** Meets the peer for a local program that waits already: what passes by itself, a relay's restart say, costs it only time. */
import { setTimeout as pause } from "node:timers/promises";
import { againAfter, type ConnectOptions, connect, type RelayConnection, RelayError } from "@serverless-relay/client";

/** Seconds, where --wait does not say: as the SDK's. */
const DEFAULT_WAIT = 60;
/** Whoever waits is not to find a relay that has long been back still given up on. */
const MOST_FAILURES = 4; // pauses of 2 s

/**
 * As `connect`, tried again until `wait` seconds are over. Rejects with the last error, or with the signal's reason.
 * `onFailure` is told of each that is not the last, and in how many milliseconds it is tried again.
 */
export async function reachPeer(
  options: ConnectOptions & { readonly signal: AbortSignal },
  onFailure: (error: RelayError, delayMs: number) => void,
): Promise<RelayConnection> {
  const { wait = DEFAULT_WAIT, signal } = options;
  const until = performance.now() + wait * 1000;
  for (let failures = 1; ; failures++) {
    const left = Math.max(0, Math.ceil((until - performance.now()) / 1000));
    try {
      return await connect({ ...options, wait: left });
    } catch (error) {
      if (!(error instanceof RelayError) || !error.retryable) throw error;
      const delayMs = againAfter(error, Math.min(failures, MOST_FAILURES));
      if (delayMs === null || performance.now() + delayMs >= until) throw error;
      onFailure(error, delayMs);
      await pause(delayMs, undefined, { signal });
    }
  }
}
