/**
 * The closed set of reasons for which a caller is refused. A reason is what Proxy-Status says, what the log says and what
 * the metric is labelled with: one word for one thing.
 */

interface RefusalTerms {
  /** HTTP status of the refusal */
  readonly status: number;
  /** proxy error type, RFC 9209 §2.3 */
  readonly proxyError: string;
  /** one line that the caller can act on */
  readonly advice: string;
}

const CERTIFICATE = "http_request_denied";

export const REFUSALS = {
  request_malformed: terms(400, "http_request_error", "the request is not a well-formed CONNECT without content"),
  target_invalid: terms(400, "http_request_error", "CONNECT needs a target NAME:PORT, the name being a function's"),
  field_invalid: terms(400, "http_request_error", "a Relay- or Prefer field has a value that it cannot have"),
  as_required: terms(400, "http_request_error", "several names of this certificate fit: say which in Relay-As"),
  as_not_certified: terms(400, "http_request_error", "the certificate does not bear the name in Relay-As"),
  certificate_missing: terms(403, CERTIFICATE, "no client certificate was sent"),
  certificate_expired: terms(403, CERTIFICATE, "the client certificate, or one of its issuers, has expired"),
  certificate_not_yet_valid: terms(403, CERTIFICATE, "the client certificate is not valid yet: check both clocks"),
  certificate_unknown_issuer: terms(403, CERTIFICATE, "the client certificate was not issued by a CA of this relay"),
  certificate_wrong_usage: terms(403, CERTIFICATE, "the certificate may not be used by a TLS client"),
  certificate_revoked: terms(403, CERTIFICATE, "the client certificate has been revoked"),
  certificate_not_checkable: terms(403, CERTIFICATE, "revocation cannot be checked: the relay's CRL is not usable"),
  certificate_invalid: terms(403, CERTIFICATE, "the client certificate did not verify"),
  certificate_without_name: terms(403, CERTIFICATE, "the certificate bears no name that a function may have"),
  no_route: terms(403, "http_request_denied", "no route lets this caller meet that peer: relayctl route add"),
  method_not_allowed: terms(405, "http_request_error", "only CONNECT is served here"),
  request_timeout: terms(408, "http_request_error", "the request did not come in time"),
  quota_exceeded: terms(
    429,
    "connection_limit_reached",
    "a quota of this function or its route is used up: try again later",
  ),
  head_too_large: terms(431, "http_request_error", "the request head is too large"),
  internal_error: terms(500, "proxy_internal_error", "the relay failed: its log says how"),
  peer_vanished: terms(502, "connection_terminated", "the peer went away while the two were being paired"),
  draining: terms(503, "destination_unavailable", "the relay is draining: try again, or another relay"),
  full: terms(503, "connection_limit_reached", "the relay is full: try again later"),
  peer_timeout: terms(504, "connection_timeout", "the peer did not come in time"),
  role_conflict: terms(504, "connection_timeout", "the peer came, but asked for the same Relay-Role"),
} as const satisfies Record<string, RefusalTerms>;

function terms(status: number, proxyError: string, advice: string): RefusalTerms {
  return { status, proxyError, advice };
}

export type RefusalReason = keyof typeof REFUSALS;

export function isRefusalReason(text: string): text is RefusalReason {
  return Object.hasOwn(REFUSALS, text);
}

/** A refusal on its way to the caller: thrown where it is found, written where the connection is. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly reason: RefusalReason;
  /** seconds for Retry-After (RFC 9110 §10.2.3) */
  readonly retryAfter: number | undefined;
  /** the limit that was met, by its key in the relay's configuration: for the log, and not for the caller */
  readonly limit: string | undefined;

  constructor(reason: RefusalReason, options: { retryAfter?: number; limit?: string } = {}) {
    super(REFUSALS[reason].advice);
    this.reason = reason;
    this.retryAfter = options.retryAfter;
    this.limit = options.limit;
  }
}
