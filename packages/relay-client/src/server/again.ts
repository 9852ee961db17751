/** Whether and when a server goes to the relay again, after what came of the last time. */
import { RelayError, RelayRefused } from "../errors.ts";

/** null: never, for it would be told the same. */
export type AgainMs = number | null;

const FIRST_MS = 250;
const MOST_MS = 30_000;
/** Whatever takes somebody to act: a route that is to be added, a certificate that is to be changed at the relay. */
const SLOWLY_MS = 30_000;
/** A wait that ends sooner was none: the relay's, or something between, is not to be asked in a circle. */
const LEAST_WAIT_MS = 1_000;

/** What this very identity, or this very request, will be refused for tomorrow as well. */
const FOR_GOOD: ReadonlySet<string> = new Set([
  "request_malformed",
  "target_invalid",
  "field_invalid",
  "as_required",
  "as_not_certified",
  "certificate_missing",
  "certificate_expired",
  "certificate_wrong_usage",
  "certificate_revoked",
  "certificate_without_name",
  "method_not_allowed",
  "head_too_large",
]);

/** A wait that has come to its end, without a peer, as waits do: nobody needs to hear of it. */
export function isEndOfWait(error: unknown, parkedMs: number): boolean {
  return error instanceof RelayRefused && error.reason === "peer_timeout" && parkedMs >= LEAST_WAIT_MS;
}

/**
 * How long to stay away after the `failures`th failure in a row, in milliseconds. Jittered, so that those who lost a relay
 * together do not come back together; never sooner than Retry-After says.
 */
export function againAfter(error: unknown, failures: number, random: () => number = Math.random): AgainMs {
  if (!(error instanceof RelayError)) return null;
  if (error instanceof RelayRefused && FOR_GOOD.has(error.reason)) return null;
  const most = error.retryable ? Math.min(MOST_MS, FIRST_MS * 2 ** Math.max(0, failures - 1)) : SLOWLY_MS;
  const jittered = most * (0.5 + random() / 2);
  const retryAfter = error instanceof RelayRefused ? (error.retryAfter ?? 0) * 1000 : 0;
  return Math.round(retryAfter === 0 ? jittered : Math.max(jittered, retryAfter + FIRST_MS * random()));
}
