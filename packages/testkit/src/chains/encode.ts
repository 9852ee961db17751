/** A described certificate as its bytes: the extensions one by one, also those that no library would make. */
import type { webcrypto } from "node:crypto";
import type { DescribedCertificate } from "@serverless-relay/protocol-model";
import * as x509 from "./x509.ts";

export interface Subject {
  readonly name: x509.Name;
  readonly keys: webcrypto.CryptoKeyPair;
}

export interface Signing {
  readonly name: x509.Name;
  readonly publicKey: webcrypto.CryptoKey;
  readonly key: webcrypto.CryptoKey;
  readonly algorithm: { name: string; hash?: string };
}

const EXTENDED: Readonly<Record<string, string>> = {
  clientAuth: "1.3.6.1.5.5.7.3.2",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  codeSigning: "1.3.6.1.5.5.7.3.3",
  emailProtection: "1.3.6.1.5.5.7.3.4",
  any: "2.5.29.37.0",
};
const NAME_CONSTRAINTS = "2.5.29.30";
const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";
/** Of the arc that is set aside for examples. */
const UNKNOWN = "2.999.1";

export async function encode(
  certificate: DescribedCertificate,
  { name: subject, keys: { publicKey } }: Subject,
  issuer: Signing,
  serialNumber: string,
): Promise<x509.X509Certificate> {
  return x509.X509CertificateGenerator.create({
    serialNumber,
    subject,
    issuer: issuer.name,
    notBefore: new Date(certificate.notBefore),
    notAfter: new Date(certificate.notAfter),
    publicKey,
    signingKey: issuer.key,
    signingAlgorithm: issuer.algorithm,
    extensions: [
      ...extensionsOf(certificate),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
}

/** Names of which a library reads nothing: the common names as they are. */
export function subjectOf(commonNames: readonly string[]): x509.Name {
  return new x509.Name(commonNames.map((name) => ({ CN: [{ utf8String: name }] })));
}

function extensionsOf(certificate: DescribedCertificate): x509.Extension[] {
  const { isCa, pathLength, usages, extendedUsages, permits, excludes, oddity, names } = certificate;
  const extensions: x509.Extension[] = [new x509.BasicConstraintsExtension(isCa, pathLength ?? undefined, true)];
  if (usages !== null) extensions.push(new x509.KeyUsagesExtension(flagsOf(usages), true));
  if (extendedUsages !== null) {
    extensions.push(new x509.ExtendedKeyUsageExtension(extendedUsages.map((usage) => EXTENDED[usage] ?? usage)));
  }
  if (permits !== null || excludes.length > 0) extensions.push(nameConstraints(permits ?? [], excludes));
  if (names.san !== null) extensions.push(alternativeNames(names.san));
  if (oddity) extensions.push(new x509.Extension(UNKNOWN, true, der(0x05)));
  return extensions;
}

function flagsOf(usages: readonly string[]): number {
  return usages.reduce(
    (flags, usage) => flags | (x509.KeyUsageFlags[usage as keyof typeof x509.KeyUsageFlags] ?? 0),
    0,
  );
}

/** RFC 5280 §4.2.1.6: dNSName is [2], uniformResourceIdentifier [6]. Whatever they hold goes in as it is. */
function alternativeNames({ uris, dns }: { readonly uris: readonly string[]; readonly dns: readonly string[] }) {
  const names = [...uris.map((uri) => der(0x86, Buffer.from(uri))), ...dns.map((name) => der(0x82, Buffer.from(name)))];
  return new x509.Extension(SUBJECT_ALTERNATIVE_NAME, false, der(0x30, ...names));
}

/** RFC 5280 §4.2.1.10. */
function nameConstraints(permits: readonly string[], excludes: readonly string[]): x509.Extension {
  const subtrees = (tag: number, domains: readonly string[]) =>
    domains.length === 0 ? [] : [der(tag, ...domains.map((domain) => der(0x30, der(0x82, Buffer.from(domain)))))];
  return new x509.Extension(NAME_CONSTRAINTS, true, der(0x30, ...subtrees(0xa0, permits), ...subtrees(0xa1, excludes)));
}

/** One element of DER, of less than 64 KiB. */
function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const length =
    content.length < 0x80
      ? [content.length]
      : content.length < 0x100
        ? [0x81, content.length]
        : [0x82, content.length >> 8, content.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}
