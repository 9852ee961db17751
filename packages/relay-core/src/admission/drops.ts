/** Ends of connections that get no answer, because there is no TLS to answer in, or nobody left to hear. */

import type { LimitName } from "../limits.ts";

export const DROP_REASONS = [
  "too_many_arrivals", // from one address
  "too_many_handshakes", // from one address, or in all
  "handshake_failed",
  "handshake_timeout",
  "client_gone",
  "detach_violated", // something else than close_notify came after the request
  "detach_timeout",
  "not_of_this_route", // a bare listener: the certificate bears none of the route's names
  "full", // a plain listener: there is no answer to give
  "draining", // likewise
  "internal_error",
] as const;

export type DropReason = (typeof DROP_REASONS)[number];

/** Thrown by admission where the connection is closed without an answer. */
export class Dropped extends Error {
  override readonly name = "Dropped";
  readonly reason: DropReason;
  /** the limit that was met */
  readonly limit: LimitName | undefined;

  constructor(reason: DropReason, { detail, limit }: { detail?: string; limit?: LimitName | undefined } = {}) {
    super(detail ?? reason);
    this.reason = reason;
    this.limit = limit;
  }
}
