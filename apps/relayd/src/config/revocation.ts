/**
 * Reads the CRLs of the functions' CAs. Two traps are taken care of: node:tls reads only the first CRL of a text, so that
 * each must be a text of its own; and once there is any CRL, a CA without one makes its every certificate uncheckable.
 */
import type { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { CertificateFacts } from "./certificates.ts";
import { expiryWarning } from "./expiry.ts";
import type { Findings, NamedFile } from "./findings.ts";
import { PEM, readPem } from "./pem.ts";

/** node:crypto cannot read a CRL's dates. This takes tens of milliseconds to load, so it is loaded where a CRL is. */
async function loadX509() {
  await import("reflect-metadata");
  return await import("@peculiar/x509");
}

/** @returns each CRL as a PEM text of its own, as node:tls wants them; null, with a problem noted, if one is not usable */
export async function readRevocationLists(
  file: NamedFile,
  authorities: readonly X509Certificate[],
  findings: Findings,
  now: Date,
): Promise<{ crl: string[]; facts: CertificateFacts[] } | null> {
  const crl = await readPem(file, PEM.crl, findings);
  if (crl === null) return null;
  const { X509Crl, X509Certificate: Parsed } = await loadX509();
  const lists: InstanceType<typeof X509Crl>[] = [];
  for (const [index, pem] of crl.entries()) {
    try {
      createSecureContext({ crl: pem });
      lists.push(new X509Crl(pem));
    } catch {
      findings.problem(file, `CRL ${index + 1} of ${crl.length} is damaged; have the CA write it again`);
      return null;
    }
  }
  const subjects = authorities.map((authority) => new Parsed(authority.raw).subject);
  const issuers = lists.map((list) => list.issuer);
  for (const subject of subjects.filter((name) => !issuers.includes(name))) {
    findings.warning(file, `holds no CRL of the CA ${subject}, so its functions are all refused; add its CRL`);
  }
  for (const issuer of issuers.filter((name) => !subjects.includes(name))) {
    findings.warning(file, `holds a CRL of ${issuer}, which is none of the CAs; add that CA, or remove the CRL`);
  }
  const facts: CertificateFacts[] = [];
  for (const { issuer, nextUpdate } of lists) {
    if (nextUpdate === undefined) continue;
    const expiry = expiryWarning("crl", nextUpdate, now);
    if (expiry !== null) findings.warning(file, `the CRL of ${issuer} ${expiry}`);
    facts.push({ use: "crl", file: file.path, subject: issuer, notAfter: nextUpdate });
  }
  return { crl, facts };
}
