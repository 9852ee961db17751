/** What one relay, one address, one function and one route may use at once. Every limit can be changed while it runs. */
import type { AdmissionLimits } from "./admission/admission.ts";
import type { GateLimits } from "./admission/gate.ts";
import type { BandwidthLimits } from "./bandwidth.ts";
import type { QuotaLimits } from "./quotas.ts";

export interface RelayLimits extends AdmissionLimits, GateLimits, QuotaLimits {
  /** connections in all: on their way in, parked, in sessions */
  readonly connections: number;
  /** how long a client is parked that does not say, and the longest that it may ask for */
  readonly waitMs: number;
  readonly maxWaitMs: number;
  /** a session in which nothing moves for so long is ended */
  readonly idleTimeoutMs: number;
  /** a session one end of which has owed TCP an answer for so long is ended */
  readonly answerWithinMs: number;
  /** a session that has lasted so long is ended; null: none is, for that */
  readonly maxDurationMs: number | null;
  /** default: unlimited */
  readonly bandwidth?: BandwidthLimits;
}

/** What there is just now of what is limited for the relay in all. */
export interface Usage {
  readonly handshakes: number;
  readonly connections: number;
  readonly sessions: number;
}

/** A limit that was met, by its key in the configuration or its option of a route: field of events, label of metrics. */
export type LimitName =
  | "handshakes"
  | "handshakesPerAddress"
  | "arrivalsPerAddress"
  | "arrivalsPerFunction"
  | "connections"
  | "connectionsPerFunction"
  | "parkedPerFunction"
  | "parkedPerRoute"
  | "sessions"
  | "sessionsPerFunction"
  | "sessionsPerRoute"
  | "channelLimit"
  | "maxSessions"
  | "once";

/** For an event: the limit that a refusal or a drop was for, if it was for one. */
export function limitIn({ limit }: { readonly limit: string | undefined }): { readonly limit?: LimitName } {
  return limit === undefined ? {} : { limit: limit as LimitName };
}
