/** All that is looked at to say why two functions do, or do not, meet. */
import type * as api from "@serverless-relay/control-api";
import type { RouteOptions } from "@serverless-relay/core";
import type { PlaceState } from "../wake/wakes.ts";
import type { RecentRefusal } from "./recent-refusals.ts";

export interface WhyFacts {
  readonly f1: string;
  readonly f2: string;
  /** the one that is asked about; null: all */
  readonly channel: string | null;
  readonly route: RouteFacts | null;
  /** on this route */
  readonly parked: readonly ParkedFacts[];
  /** the channels of the sessions under way on this route, one entry a session */
  readonly sessions: readonly string[];
  /** functions of this route that are being woken */
  readonly wakes: readonly PlaceState[];
  readonly draining: boolean;
  /** as many connections as limits.connections allows */
  readonly full: boolean;
  readonly certificates: readonly api.CertificateStatus[];
  /** of either function, the latest first */
  readonly refusals: readonly RecentRefusal[];
  /** milliseconds since the epoch */
  readonly now: number;
}

export interface RouteFacts {
  /** milliseconds since the epoch; null: as old as this relayd */
  readonly createdAt: number | null;
  readonly options: RouteOptions;
  readonly listener: api.RouteListener | null;
}

export interface ParkedFacts {
  /** null behind a plain listener */
  readonly name: string | null;
  readonly channel: string;
  readonly role: api.Role | null;
  /** milliseconds since the epoch, as are the next two */
  readonly parkedAt: number;
  readonly deadline: number;
  /** of its certificate or one of the issuers; null behind a plain listener */
  readonly notAfter: number | null;
}

/** A length of time in words: "12 s", "3 min", "2 h", "5 d". */
export function spanText(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}
