/**
 * What node:crypto does not tell of a certificate: its extensions (RFC 5280 §4.2), read from its DER. A TLS stack has parsed the
 * certificate before; what is not DER all the same throws RangeError, so that it counts for nothing.
 */
import type { X509Certificate } from "node:crypto";

export interface Extension {
  /** of the OID: the bytes of its DER, in hex */
  readonly id: string;
  readonly critical: boolean;
  /** DER of the extension itself */
  readonly value: Uint8Array;
}

/** OIDs of 2.5.29, by their last number, as `Extension.id` has them. */
export const ExtensionId = {
  keyUsage: "551d0f",
  subjectAltName: "551d11",
  basicConstraints: "551d13",
  nameConstraints: "551d1e",
  extendedKeyUsage: "551d25",
} as const;

const SEQUENCE = 0x30;
const BOOLEAN = 0x01;
const OCTET_STRING = 0x04;
/** [3] of the TBSCertificate */
const EXTENSIONS = 0xa3;

export function extensionsOf({ raw }: Pick<X509Certificate, "raw">): readonly Extension[] {
  const [certificate] = elements(raw);
  const [signed] = elements(certificate?.content ?? EMPTY);
  const holder = elements(signed?.content ?? EMPTY).find(({ tag }) => tag === EXTENSIONS);
  const [list] = holder === undefined ? [] : elements(holder.content);
  return list === undefined
    ? []
    : elements(list.content)
        .filter(({ tag }) => tag === SEQUENCE)
        .map(extension);
}

/** Whether it bounds what those below it may be called. Common names are not bound by that (RFC 5280 §4.2.1.10). */
export function constrainsNames(certificate: Pick<X509Certificate, "raw">): boolean {
  return extensionsOf(certificate).some(({ id }) => id === ExtensionId.nameConstraints);
}

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

const EMPTY = new Uint8Array();

function extension({ content }: Element): Extension {
  const [id, ...rest] = elements(content);
  const value = rest.find(({ tag }) => tag === OCTET_STRING);
  if (id === undefined || value === undefined) throw new RangeError("this is no extension of a certificate");
  const critical = rest.some((element) => element.tag === BOOLEAN && element.content[0] === 0xff);
  return { id: Buffer.from(id.content).toString("hex"), critical, value: value.content };
}

/** DER, one after another; lengths of up to three bytes. */
function elements(der: Uint8Array): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < der.length; ) {
    const [tag = 0, first = 0] = der.subarray(at, at + 2);
    const sizeOfLength = first < 0x80 ? 0 : first & 0x7f;
    const digits = der.subarray(at + 2, at + 2 + sizeOfLength);
    const length = first < 0x80 ? first : digits.reduce((sum, digit) => sum * 256 + digit, 0);
    const begin = at + 2 + sizeOfLength;
    if (sizeOfLength > 3 || begin + length > der.length) throw new RangeError("this is no DER");
    found.push({ tag, content: der.subarray(begin, begin + length) });
    at = begin + length;
  }
  return found;
}
