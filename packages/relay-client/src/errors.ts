/**
 * Everything that can go wrong with a connection, each with a type of its own. Errors of Node, OpenSSL and the HTTP parser
 * are translated where they are met, once, and kept as `cause`.
 */
import type { RefusalReason } from "@serverless-relay/protocol";

/** What all errors of this package have in common. Misused options are plain TypeErrors and RangeErrors, though. */
export abstract class RelayError extends Error {
  /** whether the very same call may well succeed a little later */
  readonly retryable: boolean;

  constructor(message: string, retryable: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.retryable = retryable;
  }
}

/** No verified TLS connection to the relay came about, or it was lost before the relay answered. */
export class RelayUnreachable extends RelayError {
  override readonly name = "RelayUnreachable";
}

/** The relay said no, and why. The message is the relay's own line. */
export class RelayRefused extends RelayError {
  override readonly name = "RelayRefused";
  /** HTTP status */
  readonly status: number;
  /** from Proxy-Status (RFC 9209); `http_<status>` where it gives none */
  readonly reason: RefusalReason | (string & {});
  /** seconds, from Retry-After (RFC 9110 §10.2.3) */
  readonly retryAfter: number | undefined;

  constructor(status: number, reason: string, advice: string, retryAfter: number | undefined) {
    super(advice, mayPass(status, reason));
    this.status = status;
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

/** The relay, or whatever it is that listens there, does not keep to the protocol. */
export class RelayProtocolError extends RelayError {
  override readonly name = "RelayProtocolError";

  constructor(message: string, cause?: unknown) {
    super(message, false, cause);
  }
}

/** The deadline passed. The message says during what. */
export class RelayTimeout extends RelayError {
  override readonly name = "RelayTimeout";

  constructor(ms: number, during: string) {
    super(`not connected within ${ms} ms: timed out while ${during}`, true);
  }
}

/** Whoever is at the other end of the inner TLS did not prove to be the peer that was asked for. */
export class PeerNotVerified extends RelayError {
  override readonly name = "PeerNotVerified";
  /** the name that was expected */
  readonly peer: string;

  constructor(peer: string, why: string, cause?: unknown) {
    super(`${peer} was not verified: ${why}`, false, cause);
    this.peer = peer;
  }
}

/**
 * The connection ended without the peer's close_notify: what came before may be only a part of what was sent. Rejects
 * `connect` while the peer is being verified; afterwards it is the socket's `error`, in place of `end`.
 */
export class ConnectionTruncated extends RelayError {
  override readonly name = "ConnectionTruncated";

  constructor(message: string, cause?: unknown) {
    super(message, true, cause);
  }
}

const PASSING = new Set([408, 429, 500, 502, 503, 504]);

// Two ends that insist on the same side of the inner TLS will do so the next time, too.
function mayPass(status: number, reason: string): boolean {
  return PASSING.has(status) && reason !== "role_conflict";
}
