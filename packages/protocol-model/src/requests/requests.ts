/**
 * Request heads by their grammar, and beside it: each part is mostly right, so that whatever is wrong with one is met behind
 * others that are not; some are damaged as bytes at the end. One character of the texts here is one byte.
 */
import fc from "fast-check";
import { fieldLines } from "./fields.ts";
import { targets } from "./targets.ts";

const METHOD = fc.oneof(
  { weight: 60, arbitrary: fc.constant("CONNECT") },
  { weight: 1, arbitrary: fc.constantFrom("connect", "CONNECT\t", "CON", "CONNECTX", "PRI", "", "C\xd6NNECT") },
);

const OTHER_REQUEST_LINE = fc
  .tuple(
    fc.constantFrom("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "get", "QUERY", "CONNECTED"),
    fc.constantFrom("/", "/f2:443", "*", "http://f2/", "f2:443", "f2"),
    fc.constantFrom("HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0"),
  )
  .map((parts) => parts.join(" "));

const SPACE = fc.oneof(
  { weight: 120, arbitrary: fc.constant(" ") },
  { weight: 1, arbitrary: fc.constantFrom("  ", "\t", "", " \t ", "\v", "\f", "\r", "\xa0") },
);

const VERSION = fc.oneof(
  { weight: 60, arbitrary: fc.constant("HTTP/1.1") },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ..."HTTP/1.0¦HTTP/0.9¦HTTP/2.0¦HTTP/1.2¦HTTP/9.9¦HTTP/11¦http/1.1¦HTTP/1.1.1¦HTTP/1.1 ¦RTSP/1.0¦HTTP/¦".split(
        "¦",
      ),
    ),
  },
);

const LINE_END = fc.oneof(
  { weight: 400, arbitrary: fc.constant("\r\n") },
  { weight: 1, arbitrary: fc.constantFrom("\n", "\r", "\r\r\n", "\n\r", "\r\n ", "\r\n\t", "\0\r\n") },
);

const BEFORE = fc.oneof(
  { weight: 60, arbitrary: fc.constant("") },
  { weight: 1, arbitrary: fc.constantFrom("\r\n", "\r\n\r\n", "\n", "\r", " ", "\0", "\x16\x03\x01") },
);

/** What comes behind the head, inside TLS. */
const BEHIND = fc.oneof(
  { weight: 8, arbitrary: fc.constant("") },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "CONNECT f2:443 HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "0\r\n\r\n",
      "\x16\x03\x01",
      "\0",
    ),
  },
);

/** One wrong byte, one too many, one too few, a piece twice, or an early end, at a place between 0 and 1 of the text. */
const DAMAGE = fc.record({
  what: fc.constantFrom("replace", "insert", "delete", "repeat", "cut"),
  place: fc.double({ min: 0, max: 1, noNaN: true }),
  byte: fc.oneof(
    fc.constantFrom("\0", "\r", "\n", " ", "\t", ":", "%", "\x7f", "\xa0", "\xff", "\x85"),
    fc.nat(255).map(String.fromCharCode),
  ),
});
const DAMAGES = fc.oneof(
  { weight: 8, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.array(DAMAGE, { minLength: 1, maxLength: 3 }) },
);

/** `names`: those that have routes, and some that have none. */
export function requests(names: readonly string[]): fc.Arbitrary<Buffer> {
  const connectLine = fc.tuple(METHOD, SPACE, targets(names), SPACE, VERSION).map((parts) => parts.join(""));
  const requestLine = fc.oneof({ weight: 30, arbitrary: connectLine }, { weight: 1, arbitrary: OTHER_REQUEST_LINE });
  const head = fc
    .tuple(requestLine, fieldLines(names), fc.array(LINE_END, { minLength: 10, maxLength: 10 }))
    .map(([first, lines, ends]) => `${joined([first, ...lines, ""], ends)}`);
  return fc
    .tuple(BEFORE, head, BEHIND, DAMAGES)
    .map(([before, text, behind, damages]) => Buffer.from(damages.reduce(damaged, before + text + behind), "latin1"));
}

function joined(lines: readonly string[], ends: readonly string[]): string {
  return lines.map((line, index) => line + (ends[index % ends.length] ?? "")).join("");
}

function damaged(text: string, { what, place, byte }: { what: string; place: number; byte: string }): string {
  const at = Math.floor(place * text.length);
  if (what === "cut") return text.slice(0, at);
  if (what === "repeat") return text.slice(0, at) + text.slice(Math.max(0, at - 12), at) + text.slice(at);
  const kept = what === "insert" ? at : at + 1;
  return text.slice(0, at) + (what === "delete" ? "" : byte) + text.slice(kept);
}
