/** The two answers that a caller can get, as the bytes that go on the wire: paired, or refused (PROTOCOL.md). */

import { STATUS_CODES } from "node:http";
import { REFUSALS, type Refusal, type Role, type Transport } from "@serverless-relay/protocol";

export interface Paired {
  readonly transport: Transport;
  readonly session: string;
  /** verified */
  readonly peer: string | null;
  readonly role: Role;
}

/** The head of the 200. It has no content: the session's bytes follow at once (RFC 9110 §9.3.6). */
export function formatPaired(paired: Paired): Buffer {
  return Buffer.from(
    `HTTP/1.1 200 Paired\r\nRelay-Transport: ${paired.transport}\r\nRelay-Session: ${paired.session}\r\n` +
      `${paired.peer === null ? "" : `Relay-Peer: ${paired.peer}\r\n`}Relay-Role: ${paired.role}\r\n\r\n`,
    "latin1",
  );
}

/** A whole response. The same reason always gives the same bytes: nothing of the request or of any peer is in it. */
export function formatRefusal(refusal: Refusal): Buffer {
  const { status, proxyError, advice } = REFUSALS[refusal.reason];
  const body = `${refusal.reason}: ${advice}\n`;
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Refused"}`,
    `Proxy-Status: relayd; error=${proxyError}; reason=${refusal.reason}`,
    ...(status === 405 ? ["Allow: CONNECT"] : []),
    ...(refusal.retryAfter === undefined ? [] : [`Retry-After: ${refusal.retryAfter}`]),
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`, "utf8");
}
