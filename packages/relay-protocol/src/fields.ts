/** Field names and values of the request and the answer (PROTOCOL.md, "Request" and "Paired"). */

/** Names are in lower case, as Node's HTTP parser gives them. */
export const Field = {
  transport: "relay-transport",
  channel: "relay-channel",
  as: "relay-as",
  role: "relay-role",
  prefer: "prefer",
  session: "relay-session",
  peer: "relay-peer",
  proxyStatus: "proxy-status",
  retryAfter: "retry-after",
} as const;

/** `raw`: the outer TLS is dropped once admitted. `tls`: the session stays inside it. */
export type Transport = "raw" | "tls";

/** The side of the inner TLS that an end takes. */
export type Role = "client" | "server";

export function isTransport(value: string): value is Transport {
  return value === "raw" || value === "tls";
}

export function isRole(value: string): value is Role {
  return value === "client" || value === "server";
}

export function otherRole(role: Role): Role {
  return role === "client" ? "server" : "client";
}

/** What a channel's name may be: an HTTP token (RFC 9110 §5.6.2) of at most 128 characters. */
export function isChannelName(value: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(value);
}

/**
 * The `wait` preference (RFC 7240 §4.3) in seconds; undefined if the field does not hold one, null if it does and it is
 * not a whole number of seconds. Other preferences are ignored, as the RFC asks.
 */
export function parsePreferWait(field: string): number | null | undefined {
  for (const preference of field.split(",")) {
    const [name, ...values] = (preference.split(";")[0] ?? "").split("=").map(trimmed);
    if (name?.toLowerCase() !== "wait") continue;
    const [seconds = "", ...more] = values;
    return more.length === 0 && /^[0-9]{1,9}$/.test(seconds) ? Number(seconds) : null;
  }
  return undefined;
}

/** Without the white space of HTTP (RFC 9110 §5.6.3), which is less than what trim() takes off; in linear time. */
function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text[start])) start++;
  while (end > start && isSpace(text[end - 1])) end--;
  return text.slice(start, end);
}

function isSpace(character: string | undefined): boolean {
  return character === " " || character === "\t";
}
