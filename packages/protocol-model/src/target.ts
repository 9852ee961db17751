/** PROTOCOL.md section 5.1. */
import { isFunctionName } from "./names.ts";

export interface Target {
  readonly peer: string;
  readonly port: string;
}

/** Null: `target_invalid`. */
export function readTarget(target: string): Target | null {
  const [, host = "", digits = ""] = /^([^:@/?#]+):([0-9]{1,5})$/.exec(target) ?? [];
  const port = Number.parseInt(digits, 10);
  const peer = percentDecoded(host);
  if (!(port >= 1 && port <= 65535) || peer === null || !isFunctionName(peer)) return null;
  return { peer, port: String(port) };
}

/** RFC 3986 §2.1. Null where a % is not followed by two digits, or something is not ASCII, as every name is. */
function percentDecoded(host: string): string | null {
  if (/%(?![0-9A-Fa-f]{2})/.test(host)) return null;
  const decoded = host.replaceAll(/%(..)/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
  return /^[\x20-\x7e]*$/.test(decoded) ? decoded : null;
}
