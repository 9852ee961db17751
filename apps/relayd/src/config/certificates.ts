/** Reads the relay's certificate and key, and the CAs of the functions, and finds what is wrong with them. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { stat } from "node:fs/promises";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { reason } from "../io-error.ts";
import { expiryWarning } from "./expiry.ts";
import type { Findings, NamedFile } from "./findings.ts";
import { PEM, readPem } from "./pem.ts";

/** One certificate or CRL, as `status` shows it. */
export interface CertificateFacts {
  readonly use: "relay" | "ca" | "crl";
  /** absolute path of the file that holds it */
  readonly file: string;
  /** on one line; of a CRL, its issuer */
  readonly subject: string;
  /** of a CRL, its nextUpdate */
  readonly notAfter: Date;
}

/** id-kp-serverAuth (RFC 5280 §4.2.1.12) */
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
/** id-kp-clientAuth, there too */
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/** The relay's certificate with its intermediates, and its key. */
export async function readIdentity(
  files: { readonly cert: NamedFile; readonly key: NamedFile },
  findings: Findings,
  now: Date,
  inForce: { readonly cert: string } | null,
): Promise<{ cert: string; key: string; facts: CertificateFacts[] } | null> {
  const [chain, key] = [await readCertificates(files.cert, findings), await readKey(files.key, findings)];
  const leaf = chain?.certificates[0];
  if (chain === null || leaf === undefined || key === null) return null;
  if (!leaf.checkPrivateKey(key.key)) {
    findings.problem(
      files.key,
      `is not the key of the certificate in ${files.cert.path}; name the key that belongs to it`,
    );
    return null;
  }
  if (!usable(findings, files.cert, { cert: chain.text, key: key.text })) return null;
  if (leaf.keyUsage !== undefined && !leaf.keyUsage.includes(SERVER_AUTH)) {
    findings.warning(files.cert, "is not for TLS servers, so clients turn away; issue one with serverAuth");
  }
  if (leaf.validToDate <= now && inForce !== null && inForce.cert !== chain.text) {
    findings.problem(files.cert, `${subjectOf(leaf)} ${expiryWarning("relay", leaf.validToDate, now)}`);
  }
  return { cert: chain.text, key: key.text, facts: noteFacts("relay", files.cert, chain.certificates, findings, now) };
}

/**
 * Warns of a relay's certificate with which it could pose as a function towards another one. SPIFFE's are for both uses always
 * (X509-SVID, section 4.4): there, that no function has its name has to do.
 */
export function warnOfClientUse(file: NamedFile, certPem: string, findings: Findings): void {
  const { keyUsage, subjectAltName } = new X509Certificate(certPem);
  if (keyUsage?.includes(CLIENT_AUTH) !== true || subjectAltName?.includes("URI:spiffe://") === true) return;
  findings.warning(file, "is for TLS clients, so the relay could pose as a function; issue one with serverAuth alone");
}

/** The certificates of the CAs whose functions are admitted. */
export async function readAuthorities(
  file: NamedFile,
  findings: Findings,
  now: Date,
): Promise<{ ca: string; certificates: X509Certificate[]; facts: CertificateFacts[] } | null> {
  const authorities = await readCertificates(file, findings);
  if (authorities === null || !usable(findings, file, { ca: authorities.text })) return null;
  for (const certificate of authorities.certificates) {
    if (certificate.ca) continue;
    findings.warning(file, `${subjectOf(certificate)} is not a CA, so nothing that it signed is accepted; remove it`);
  }
  const facts = noteFacts("ca", file, authorities.certificates, findings, now);
  return { ca: authorities.text, certificates: authorities.certificates, facts };
}

async function readCertificates(
  file: NamedFile,
  findings: Findings,
): Promise<{ text: string; certificates: X509Certificate[] } | null> {
  const blocks = await readPem(file, PEM.certificate, findings);
  if (blocks === null) return null;
  const certificates: X509Certificate[] = [];
  for (const [index, pem] of blocks.entries()) {
    try {
      certificates.push(new X509Certificate(pem));
    } catch (error) {
      findings.problem(
        file,
        `certificate ${index + 1} of ${blocks.length} is damaged (${reason(error)}); copy it again`,
      );
      return null;
    }
  }
  return { text: blocks.join(""), certificates };
}

async function readKey(file: NamedFile, findings: Findings): Promise<{ text: string; key: KeyObject } | null> {
  const [text] = (await readPem(file, PEM.key, findings)) ?? [];
  if (text === undefined) return null;
  if (text.includes("ENCRYPTED")) {
    findings.problem(file, "is encrypted, and relayd cannot ask for the passphrase; decrypt it with openssl pkey");
    return null;
  }
  await warnIfOpenToAll(file, findings);
  try {
    return { text, key: createPrivateKey(text) };
  } catch (error) {
    findings.problem(file, `the private key is damaged (${reason(error)}); copy it again`);
    return null;
  }
}

async function warnIfOpenToAll(file: NamedFile, findings: Findings): Promise<void> {
  const status = await stat(file.path).catch(() => null); // it was read already: a warning less is no harm
  if (status !== null && status.mode & 0o004) {
    findings.warning(file, "can be read by every user of this machine; chmod 600 it");
  }
}

/** Whether the TLS layer takes it: OpenSSL refuses weak keys and digests that parse well. */
function usable(findings: Findings, file: NamedFile, options: SecureContextOptions): boolean {
  try {
    createSecureContext({ ...options, minVersion: "TLSv1.3" });
    return true;
  } catch (error) {
    findings.problem(file, `cannot be used for TLS (${reason(error)}); issue a stronger one`);
    return false;
  }
}

function noteFacts(
  use: "relay" | "ca",
  file: NamedFile,
  certificates: readonly X509Certificate[],
  findings: Findings,
  now: Date,
): CertificateFacts[] {
  return certificates.map((certificate) => {
    const subject = subjectOf(certificate);
    const notAfter = certificate.validToDate;
    const expiry = expiryWarning(use, notAfter, now);
    if (expiry !== null) findings.warning(file, `${subject} ${expiry}`);
    if (certificate.validFromDate > now) {
      findings.warning(
        file,
        `${subject} is not valid before ${certificate.validFromDate.toISOString()}; check the clock`,
      );
    }
    return { use, file: file.path, subject, notAfter };
  });
}

/** Node writes a name with one attribute a line; of an empty one, which its types do not know, it says undefined. */
function subjectOf(certificate: X509Certificate): string {
  const subject: string | undefined = certificate.subject;
  return subject?.split("\n").join(", ") ?? certificate.subjectAltName ?? "a certificate without a name";
}
