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

/** What listens there did not prove to be the relay: its certificate does not verify. Nothing was asked of it. */
export class RelayNotVerified extends RelayError {
  override readonly name = "RelayNotVerified";

  constructor(message: string, cause?: unknown) {
    super(message, false, cause);
  }
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

  constructor(message: string) {
    super(message, true);
  }
}

/**
 * Whoever is at the other end of the inner TLS did not prove to be a function at all: no certificate, one of another CA, or
 * one that is for servers alone, as a relay's is.
 */
export class PeerNotVerified extends RelayError {
  override readonly name: string = "PeerNotVerified";
  /** the name that was expected */
  readonly peer: string;

  constructor(peer: string, why: string, cause?: unknown) {
    super(`${peer} was not verified: ${why}`, false, cause);
    this.peer = peer;
  }
}

/** At the other end of the inner TLS is a function, but not the one that was asked for. */
export class WrongPeer extends PeerNotVerified {
  override readonly name = "WrongPeer";
  /** the names that its certificate bears */
  readonly names: readonly string[];

  constructor(peer: string, names: readonly string[]) {
    super(peer, `the other end's certificate bears ${names.join(", ") || "no function's name"}`);
    this.names = names;
  }
}

/**
 * The connection ended without the peer's close_notify: what came before may be only a part of what was sent. It is the
 * socket's `error`, in place of `end`.
 */
export class ConnectionTruncated extends RelayError {
  override readonly name: string = "ConnectionTruncated";

  constructor(message: string, cause?: unknown) {
    super(message, true, cause);
  }
}

/** The connection ended before the peer was verified: nothing has been sent to it, nothing of it been given out. */
export class HandshakeTruncated extends ConnectionTruncated {
  override readonly name = "HandshakeTruncated";
}

const PASSING = new Set([408, 429, 500, 502, 503, 504]);

// Two ends that insist on the same side of the inner TLS will do so the next time, too.
function mayPass(status: number, reason: string): boolean {
  return PASSING.has(status) && reason !== "role_conflict";
}
