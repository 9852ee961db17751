/** Certificate revocation lists (RFC 5280 §5). */
import { X509Certificate } from "node:crypto";
import { DAY_MS, type Issuer, toPem, wholeSeconds } from "./certificate.ts";
import type { Identity } from "./keys.ts";
import { PkiError } from "./pki-error.ts";
import * as x509 from "./x509.ts";

/** A certificate that is good no more: itself, or its serial number in hex as node:crypto gives it. */
export type Revoked = ({ readonly serial: string } | { readonly certPem: string }) & {
  /** default: the list's thisUpdate */
  readonly at?: Date;
};

export interface CrlOptions {
  readonly revoked: readonly Revoked[];
  /** default: now */
  readonly thisUpdate?: Date;
  /** default: 30 days after thisUpdate. From then on the list is expired, and a relay that uses it refuses everybody. */
  readonly nextUpdate?: Date;
}

const DEFAULT_DAYS = 30;
const CRL_NUMBER = "2.5.29.20";

/** Signs a list. Gives PEM with the header that node:tls and OpenSSL expect, `X509 CRL`. */
export async function signCrl(options: CrlOptions, issuer: Issuer): Promise<string> {
  const thisUpdate = wholeSeconds(options.thisUpdate ?? new Date());
  const nextUpdate = wholeSeconds(options.nextUpdate ?? new Date(thisUpdate.getTime() + DEFAULT_DAYS * DAY_MS));
  const crl = await x509.X509CrlGenerator.create({
    issuer: issuer.name,
    thisUpdate,
    nextUpdate,
    entries: crlEntries(options.revoked, thisUpdate),
    extensions: [
      new x509.AuthorityKeyIdentifierExtension(issuer.keyId),
      new x509.Extension(CRL_NUMBER, false, derInteger(Date.now())),
    ],
    signingKey: issuer.signing.key,
    signingAlgorithm: issuer.signing.algorithm,
  });
  return toPem(crl.rawData, "X509 CRL");
}

export interface ReadCrl {
  readonly revoked: readonly { readonly serial: string; readonly at: Date }[];
  readonly nextUpdate: Date | null;
}

/** What a revocation list of `authority` says. Throws PkiError if it is none, or not signed by that authority. */
export async function readCrl(pem: string, authority: Identity): Promise<ReadCrl> {
  const list = parseCrl(pem);
  if (!(await list.verify({ publicKey: new x509.X509Certificate(authority.certPem) }))) {
    throw new PkiError("the revocation list is not signed by this authority");
  }
  const revoked = list.entries.map(({ serialNumber, revocationDate }) => ({
    serial: normalSerial(serialNumber),
    at: revocationDate,
  }));
  return { revoked, nextUpdate: list.nextUpdate ?? null };
}

/** A serial number as node:crypto gives it, without leading zeros, and in upper case: so that it can be compared. */
export function normalSerial(serial: string): string {
  return serial
    .replaceAll(":", "")
    .replace(/^0+(?=.)/, "")
    .toUpperCase();
}

function parseCrl(pem: string): x509.X509Crl {
  try {
    // The library reads no more than 10,000 elements of its own accord, and an entry has seven. No list has more than characters.
    return new x509.X509Crl(pem, { berOptions: { maxNodes: pem.length } });
  } catch (cause) {
    throw new PkiError("this is no revocation list in PEM form", { cause });
  }
}

function crlEntries(revoked: readonly Revoked[], thisUpdate: Date): x509.X509CrlEntryParams[] {
  const bySerial = new Map(revoked.map((entry) => [serialOf(entry), wholeSeconds(entry.at ?? thisUpdate)]));
  return [...bySerial].map(([serialNumber, revocationDate]) => ({
    serialNumber,
    revocationDate,
    // Always a reason: without any entry extension the library writes an empty list of them, which RFC 5280 forbids.
    reason: x509.X509CrlReason.privilegeWithdrawn,
  }));
}

function serialOf(entry: Revoked): string {
  const serial = "serial" in entry ? entry.serial : new X509Certificate(entry.certPem).serialNumber;
  const hex = serial.toLowerCase();
  return hex.length % 2 === 0 ? hex : `0${hex}`;
}

/** The time as a CRL number: every list has a higher one than those before it (RFC 5280 §5.2.3). */
function derInteger(value: number): Buffer {
  const digits = value.toString(16);
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex");
  const positive = (bytes[0] ?? 0) < 0x80 ? bytes : Buffer.concat([Buffer.of(0), bytes]);
  return Buffer.concat([Buffer.of(0x02, positive.length), positive]);
}
