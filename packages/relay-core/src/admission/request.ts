/** Reads what a CONNECT request asks for (PROTOCOL.md, "Request"). Node's parser has done the HTTP; this is its meaning. */

import type { IncomingMessage } from "node:http";
import {
  Field,
  isChannelName,
  isFunctionName,
  isRole,
  isTransport,
  parsePreferWait,
  parseTarget,
  Refusal,
  type Role,
  type Transport,
} from "@serverless-relay/protocol";
import type { Requested } from "./entry.ts";
import type { Flaw } from "./trust.ts";

export interface Request {
  /** name of the peer asked for, not yet checked against any route */
  readonly peer: string;
  readonly channel: string;
  readonly transport: Transport;
  /** which of the certificate's names is meant */
  readonly as: string | undefined;
  readonly role: Role | undefined;
  /** seconds */
  readonly wait: number | undefined;
}

/** What is asked for, and what came along. Whose certificate has a flaw hears of that first. Throws Refusal. */
export function understand(requested: Requested | null, flaw: Flaw | null): { request: Request | null; head: Buffer } {
  if (requested === null) return { request: null, head: Buffer.alloc(0) };
  try {
    if (requested instanceof Refusal) throw requested;
    return { request: readRequest(requested.message), head: requested.head };
  } catch (error) {
    throw flaw !== null && error instanceof Refusal ? new Refusal(flaw) : error;
  }
}

/** Throws Refusal: the caller's mistake, in the order in which a reader of the request would find it. */
function readRequest(message: IncomingMessage): Request {
  // A CONNECT request has no content (RFC 9110 §9.3.6); one that announces some would be read as the session's bytes.
  if (message.headers["content-length"] !== undefined || message.headers["transfer-encoding"] !== undefined) {
    throw new Refusal("request_malformed");
  }
  const target = parseTarget(message.url ?? "");
  if (target === null) throw new Refusal("target_invalid");
  return {
    peer: target.peer,
    channel: optional(message, Field.channel, isChannelName) ?? String(target.port),
    transport: optional(message, Field.transport, isTransport) ?? "tls",
    as: optional(message, Field.as, isFunctionName),
    role: optional(message, Field.role, isRole),
    wait: readWait(message),
  };
}

function optional<T extends string>(
  message: IncomingMessage,
  field: string,
  isValid: ((value: string) => value is T) | ((value: string) => boolean),
): T | undefined {
  const value = message.headers[field];
  if (value === undefined) return undefined;
  // Node joins repeated fields with ", ", which none of these values may contain.
  if (typeof value !== "string" || !isValid(value)) throw new Refusal("field_invalid");
  return value as T;
}

function readWait(message: IncomingMessage): number | undefined {
  const value = message.headers[Field.prefer];
  if (typeof value !== "string") return undefined;
  const seconds = parsePreferWait(value);
  if (seconds === null) throw new Refusal("field_invalid");
  return seconds;
}
