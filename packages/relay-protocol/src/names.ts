/**
 * Names of functions: what a name may be, which names a certificate bears, and how a name travels in the target of a
 * CONNECT request.
 */
import type { X509Certificate } from "node:crypto";

/** Longest name, in characters. Two of them and a separator fit into one key of the route store. */
const MAX_NAME_LENGTH = 512;

/** A sentence for error messages. */
export const NAME_RULE = `a name is 1 to ${MAX_NAME_LENGTH} characters: either letters, digits, ".", "_" and "-", starting with a letter or a digit (f1, build-42, f1.example), or a URI without query and fragment (spiffe://example.org/f1)`;

const HOST_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
// RFC 3986: scheme, then "//", authority and path, in the characters that need no escaping, plus escapes.
const URI_NAME = /^[a-z][a-z0-9+.-]*:\/\/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})+$/;

/** Whether `text` may be the name of a function. Names are compared exactly: case counts. */
export function isFunctionName(text: string): boolean {
  return text.length > 0 && text.length <= MAX_NAME_LENGTH && (HOST_NAME.test(text) || URI_NAME.test(text));
}

/**
 * The names that a certificate bears: its URI SANs if it has any (with a SPIFFE ID among them: exactly one), else its DNS
 * SANs, else, if it has no SAN at all, its CN. Whatever is not a function name (a wildcard, say) is left out; the
 * list is empty where nothing remains.
 */
export function certificateNames(certificate: X509Certificate): string[] {
  const names = new Set(candidateNames(certificate));
  return [...names].filter(isFunctionName);
}

function candidateNames(certificate: X509Certificate): string[] {
  if (certificate.subjectAltName === undefined) {
    const commonName: unknown = certificate.toLegacyObject().subject?.CN;
    return typeof commonName === "string" ? [commonName] : [];
  }
  const entries = subjectAltNames(certificate.subjectAltName);
  const uris = entries.filter((entry) => entry.kind === "URI").map((entry) => entry.value);
  if (uris.length > 1 && uris.some((uri) => uri.startsWith("spiffe:"))) return [];
  if (uris.length > 0) return uris;
  return entries.filter((entry) => entry.kind === "DNS").map((entry) => entry.value);
}

// Node joins the entries with ", " and writes a value that holds anything odd as a JSON string
// (X509Certificate.subjectAltName in Node's documentation).
const SAN_ENTRY = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;

function subjectAltNames(text: string): { kind: string; value: string }[] {
  const entries: { kind: string; value: string }[] = [];
  SAN_ENTRY.lastIndex = 0;
  while (SAN_ENTRY.lastIndex < text.length) {
    const match = SAN_ENTRY.exec(text);
    if (match === null) return []; // not the documented form: no names rather than wrong ones
    const [, kind = "", value = ""] = match;
    entries.push({ kind, value: value.startsWith('"') ? String(JSON.parse(value)) : value });
  }
  return entries;
}

/** What a CONNECT request asks for. */
export interface Target {
  /** the peer's name, not yet checked against any route */
  readonly peer: string;
  /** 1 to 65535 */
  readonly port: number;
}

/** The authority-form target (RFC 9110 §9.3.6) for `peer`; characters that a host may not hold are percent-encoded. */
export function formatTarget(peer: string, port: number): string {
  return `${encodeURIComponent(peer)}:${port}`;
}

/** Reads an authority-form target; null if it is none, its port is missing, or its host cannot be a function's name. */
export function parseTarget(target: string): Target | null {
  const match = /^([^:@/?#]+):([0-9]{1,5})$/.exec(target);
  if (match === null) return null;
  const port = Number(match[2]);
  const peer = decodeHost(match[1] ?? "");
  return port >= 1 && port <= 65535 && peer !== null && isFunctionName(peer) ? { peer, port } : null;
}

function decodeHost(host: string): string | null {
  try {
    return decodeURIComponent(host);
  } catch {
    return null;
  }
}
