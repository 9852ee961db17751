/** Certificate revocation lists (RFC 5280 §5). */
import { X509Certificate } from "node:crypto";
import { DAY_MS, type Issuer, toPem, wholeSeconds } from "./certificate.ts";
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
