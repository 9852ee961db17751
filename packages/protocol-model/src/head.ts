/**
 * Reads a request's head as PROTOCOL.md section 5 and RFC 9112 say, one rule after another, and says where they leave a
 * relay the choice. Written for clarity: it looks at the whole text again for every rule.
 */
export interface Field {
  readonly name: string;
  readonly value: string;
}

export interface Head {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly Field[];
}

/** What step 7 may say of the bytes. Both `refusals` and a `head`: the rules allow either; then the head is as it says. */
export interface HeadReading {
  readonly refusals: ReadonlySet<"request_malformed" | "head_too_large" | "client_gone">;
  readonly head?: Head;
}

/** Those of RFC 9110 §9 and RFC 5789. */
const KNOWN_METHODS = new Set(["CONNECT", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"]);
const TCHAR = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]";
const EXACT_LINE = new RegExp(`^(${TCHAR}+) ([^\\x00-\\x20\\x7f]+) HTTP/([0-9])\\.([0-9])$`);
/** RFC 9112 §3: a recipient may instead split at any white space. */
const LENIENT_LINE = new RegExp(
  `^[ \\t\\v\\f]*(${TCHAR}+)[ \\t\\v\\f]+([^\\x00-\\x20\\x7f]+)[ \\t\\v\\f]+HTTP/([0-9])\\.([0-9])[ \\t\\v\\f]*$`,
);
const FIELD_LINE = new RegExp(`^(${TCHAR}+):[ \\t]*(.*?)[ \\t]*$`, "s");

const MALFORMED = { refusals: new Set(["request_malformed"] as const) };

/** Of all that a client sent inside TLS before its close_notify. `limit`: in bytes, the head's empty line included. */
export function readHead(sent: Uint8Array, limit: number): HeadReading {
  const text = Buffer.from(sent).toString("latin1");
  const start = /^[\r\n]*/.exec(text)?.[0].length ?? 0;
  if (start === text.length) return { refusals: new Set(["client_gone", "request_malformed"]) };
  const end = text.indexOf("\r\n\r\n", start);
  if (end < 0) return cutShort(text, limit);
  const reading = readLines(text.slice(start, end));
  const refusals = new Set(reading.refusals);
  // Section 5: empty lines before the request line may be skipped, whatever ends them.
  if (start > 0) refusals.add("request_malformed");
  // Section 15: what is not target, name or value need not be counted.
  if (end + 4 > limit) refusals.add("head_too_large");
  return reading.head !== undefined && sizeOf(reading.head) <= limit ? { refusals, head: reading.head } : { refusals };
}

function sizeOf({ target, fields }: Head): number {
  return fields.reduce((sum, { name, value }) => sum + name.length + value.length, target.length);
}

function cutShort(text: string, limit: number): HeadReading {
  return text.length > limit ? { refusals: new Set(["request_malformed", "head_too_large"]) } : MALFORMED;
}

function readLines(text: string): HeadReading {
  // Section 5: lines end in CRLF; a bare LF and a NUL are malformed. RFC 9112 §2.2: so is a bare CR.
  if (/\0|(?<!\r)\n|\r(?!\n)/.test(text)) return MALFORMED;
  const [requestLine = "", ...fieldLines] = text.split("\r\n");
  const exact = EXACT_LINE.exec(requestLine);
  const [, method = "", target = "", major, minor] = exact ?? LENIENT_LINE.exec(requestLine) ?? [];
  if (method === "") return MALFORMED;
  const fields: Field[] = [];
  for (const line of fieldLines) {
    const [, name = "", value = ""] = FIELD_LINE.exec(line) ?? [];
    if (name === "") return MALFORMED; // a folded line among them: it begins with white space
    fields.push({ name: name.toLowerCase(), value });
  }
  // Section 5: HTTP/1.1 and HTTP/1.0 are served, others are malformed; a parser may not even see the version of those.
  const served = major === "1" && (minor === "1" || minor === "0");
  if (!served && method === "CONNECT") return MALFORMED;
  const choice =
    exact === null ||
    !served ||
    !KNOWN_METHODS.has(method) || // step 7: it may count as malformed, before anybody knows how long the head is
    fields.some(({ value }) => hasControls(value)) ||
    !isWellFormedTarget(method, target) ||
    (method !== "CONNECT" && fields.some(({ name }) => name === "content-length" || name === "transfer-encoding"));
  return { refusals: new Set(choice ? (["request_malformed"] as const) : []), head: { method, target, fields } };
}

/** RFC 9112 §3.2: authority-form for CONNECT, origin-form or absolute-form for the others. */
function isWellFormedTarget(method: string, target: string): boolean {
  if (method === "CONNECT") return /^[A-Za-z0-9\-._~!$&'()*+,;=%]+:[0-9]*$/.test(target);
  return /^(?:\/|[a-z]+:\/\/[a-z0-9])[\x21-\x7e]*$/.test(target);
}

/** Characters that RFC 9110 §5.5 has no place for. */
function hasControls(value: string): boolean {
  return Buffer.from(value, "latin1").some((byte) => (byte < 0x20 && byte !== 0x09) || byte === 0x7f);
}
