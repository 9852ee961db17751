/** Builds and signs one certificate (RFC 5280): the only place that knows how its fields and extensions look. */

import type { webcrypto } from "node:crypto";
import type { SigningKey } from "./keys.ts";
import * as x509 from "./x509.ts";

export type Usage = "clientAuth" | "serverAuth";

/** When a certificate is valid. Whole seconds; anything finer is cut off. */
export interface Validity {
  /** default: five minutes ago, for clocks that are a little behind */
  readonly notBefore?: Date;
  /** exact, even past the issuer's own end; default: 365 days after notBefore, or the issuer's end if that is sooner */
  readonly notAfter?: Date;
}

export interface CertificateFields {
  /** left out of the subject if absent, or longer than the 64 characters that a CN may have */
  readonly commonName?: string;
  readonly dnsNames?: readonly string[];
  readonly uris?: readonly string[];
  readonly ips?: readonly string[];
  /** the extension is left out if there is none */
  readonly usages?: readonly Usage[];
  /** makes a CA; `pathLength` bounds how many CAs may follow below it */
  readonly ca?: boolean | { readonly pathLength: number };
}

export interface Issuer {
  readonly name: x509.Name;
  /** in hex */
  readonly keyId: string;
  readonly signing: SigningKey;
}

export const MAX_COMMON_NAME = 64; // ub-common-name, RFC 5280 Appendix A
const CLOCK_SKEW_MS = 5 * 60_000;
export const DAY_MS = 86_400_000;
export const DEFAULT_DAYS = 365;

export function defaultNotBefore(): Date {
  return new Date(Date.now() - CLOCK_SKEW_MS);
}

/** Signs a certificate for `publicKey`; without an issuer, by its own key. Gives PEM. */
export async function signCertificate(
  fields: CertificateFields,
  validity: Required<Validity>,
  publicKey: webcrypto.CryptoKey,
  issuer: Issuer | { readonly signing: SigningKey },
): Promise<string> {
  const subject = subjectName(fields);
  const subjectKey = await x509.SubjectKeyIdentifierExtension.create(publicKey);
  const authorityKeyId = "keyId" in issuer ? issuer.keyId : subjectKey.keyId;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject,
    issuer: "name" in issuer ? issuer.name : subject,
    notBefore: wholeSeconds(validity.notBefore),
    notAfter: wholeSeconds(validity.notAfter),
    publicKey,
    signingKey: issuer.signing.key,
    signingAlgorithm: issuer.signing.algorithm,
    extensions: [
      ...constraintExtensions(fields),
      ...nameExtensions(fields, subject),
      subjectKey,
      new x509.AuthorityKeyIdentifierExtension(authorityKeyId),
    ],
  });
  return toPem(certificate.rawData, "CERTIFICATE");
}

export function toPem(raw: ArrayBuffer, tag: "CERTIFICATE" | "X509 CRL"): string {
  return `${x509.PemConverter.encode(raw, tag)}\n`;
}

export function wholeSeconds(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000);
}

function subjectName({ commonName }: CertificateFields): x509.Name {
  if (commonName === undefined || commonName.length > MAX_COMMON_NAME) return new x509.Name([]);
  // As an object, because the library reads escapes and hex out of a plain string.
  return new x509.Name([{ CN: [{ utf8String: commonName }] }]);
}

function constraintExtensions({ ca = false, usages = [] }: CertificateFields): x509.Extension[] {
  const isCa = ca !== false;
  const pathLength = typeof ca === "object" ? ca.pathLength : undefined;
  const keyUsage = isCa
    ? x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign
    : x509.KeyUsageFlags.digitalSignature;
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(isCa, pathLength, true),
    new x509.KeyUsagesExtension(keyUsage, true),
  ];
  if (usages.length > 0) {
    extensions.push(new x509.ExtendedKeyUsageExtension(usages.map((usage) => x509.ExtendedKeyUsage[usage])));
  }
  return extensions;
}

function nameExtensions(fields: CertificateFields, subject: x509.Name): x509.Extension[] {
  const names: x509.JsonGeneralNames = [
    ...(fields.dnsNames ?? []).map((value) => ({ type: "dns", value }) as const),
    ...(fields.uris ?? []).map((value) => ({ type: "url", value }) as const),
    ...(fields.ips ?? []).map((value) => ({ type: "ip", value }) as const),
  ];
  if (names.length === 0) return [];
  const subjectIsEmpty = subject.toJSON().length === 0;
  return [new x509.SubjectAlternativeNameExtension(names, subjectIsEmpty)]; // critical then: RFC 5280 §4.2.1.6
}

/** 16 random bytes, the first between 0x40 and 0x7f: positive, and never shorter. */
function randomSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}
