/**
 * Reads of a CRL (RFC 5280, section 5.1) what a relay goes by: whose it is, from when to when it holds, and the serial numbers.
 * node:crypto reads none, and libraries make objects of each element, and so give up at some thousand entries; a CA of
 * short-lived functions revokes a hundred thousand. This walks over the DER, makes one string for each entry, and lets others
 * have their turn. That OpenSSL takes the CRL, too, is for the caller to see to.
 */
import { setImmediate as nextTurn } from "node:timers/promises";

export interface Crl {
  /** the issuer's name, in DER */
  readonly issuer: Buffer;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  /** hexadecimal digits, as `normalSerial` gives them */
  readonly serials: ReadonlySet<string>;
}

/** Of DER: where an element is, and what it holds. */
interface Element {
  readonly tag: number;
  readonly start: number;
  readonly content: number;
  readonly end: number;
}

const INTEGER = 0x02;
const SEQUENCE = 0x30;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;

/** Some milliseconds of work. */
const ENTRIES_A_TURN = 5_000;

/** Throws an Error that says where it is damaged. */
export async function readCrl(pem: string): Promise<Crl> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ""), "base64");
  const whole = elementAt(der, 0, der.length, SEQUENCE);
  const list = elementAt(der, whole.content, whole.end, SEQUENCE);
  let next = elementAt(der, list.content, list.end);
  if (next.tag === INTEGER) next = elementAt(der, next.end, list.end); // the version
  const issuer = elementAt(der, expect(next, SEQUENCE).end, list.end, SEQUENCE);
  const thisUpdate = elementAt(der, issuer.end, list.end);
  let at = thisUpdate.end;
  let nextUpdate: Date | undefined;
  let serials: ReadonlySet<string> = new Set();
  if (at < list.end && isTime(elementAt(der, at, list.end))) {
    const time = elementAt(der, at, list.end);
    nextUpdate = readTime(der, time);
    at = time.end;
  }
  if (at < list.end && elementAt(der, at, list.end).tag === SEQUENCE) {
    serials = await readSerials(der, elementAt(der, at, list.end));
  }
  return { issuer: der.subarray(issuer.start, issuer.end), thisUpdate: readTime(der, thisUpdate), nextUpdate, serials };
}

async function readSerials(der: Buffer, entries: Element): Promise<ReadonlySet<string>> {
  const serials = new Set<string>();
  let count = 0;
  for (let at = entries.content; at < entries.end; ) {
    const entry = elementAt(der, at, entries.end, SEQUENCE);
    const { content, end } = elementAt(der, entry.content, entry.end, INTEGER);
    serials.add(normalSerial(der.toString("hex", content, end)));
    at = entry.end;
    if (++count % ENTRIES_A_TURN === 0) await nextTurn();
  }
  return serials;
}

/** Hexadecimal digits as different programs write them: in either case, with or without leading zeros. */
export function normalSerial(serial: string): string {
  return serial.toLowerCase().replace(/^0+(?=.)/, "");
}

/** The element that begins at `at` and ends at `limit` at the latest. */
function elementAt(der: Buffer, at: number, limit: number, tag?: number): Element {
  const first = der[at + 1];
  const found = der[at];
  if (found === undefined || first === undefined || at + 2 > limit) throw new Error(`cut off at byte ${at}`);
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const content = at + 2 + lengthBytes;
  if (first === 0x80 || lengthBytes > 4 || content > limit) throw new Error(`no length at byte ${at + 1}`);
  const end = content + (lengthBytes === 0 ? first : der.readUIntBE(at + 2, lengthBytes));
  if (end > limit) throw new Error(`cut off at byte ${limit}, in what begins at byte ${at}`);
  const element = { tag: found, start: at, content, end };
  return tag === undefined ? element : expect(element, tag);
}

function expect(element: Element, tag: number): Element {
  if (element.tag !== tag) throw new Error(`tag ${element.tag} at byte ${element.start}, in place of ${tag}`);
  return element;
}

function isTime({ tag }: Element): boolean {
  return tag === UTC_TIME || tag === GENERALIZED_TIME;
}

/** RFC 5280, section 5.1.2.4: both forms in UTC and with seconds; years of two digits are from 1950 to 2049. */
function readTime(der: Buffer, { tag, start, content, end }: Element): Date {
  const text = der.toString("latin1", content, end);
  const year = tag === UTC_TIME ? (text < "50" ? "20" : "19") : "";
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(year + text);
  const time = parts === null ? Number.NaN : Date.parse(isoOf(parts.slice(1)));
  if (Number.isNaN(time) || !isTime({ tag, start, content, end })) throw new Error(`no time at byte ${start}`);
  return new Date(time);
}

function isoOf([year, month, day, hour, minute, second]: readonly string[]): string {
  return `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
}
