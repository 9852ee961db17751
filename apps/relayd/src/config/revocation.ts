/**
 * Reads the CRLs of the functions' CAs. Three traps are taken care of: node:tls reads only the first CRL of a text, so that
 * each must be a text of its own; once there is any CRL, a CA without one makes its every certificate uncheckable; and so
 * does a CRL that has run out. Where a relay starts, its operator is warned of the last two; a running one does not take up
 * what would refuse everybody.
 */
import type { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { CertificateFacts } from "./certificates.ts";
import { type Crl, readCrl } from "./crl.ts";
import { expiryWarning } from "./expiry.ts";
import type { Findings, NamedFile } from "./findings.ts";
import { PEM, readPem } from "./pem.ts";
import { type IsRevoked, revokedBy } from "./revoked.ts";

export interface Revocation {
  /** each CRL as a PEM text of its own, as node:tls wants them */
  readonly crl: readonly string[];
  /** subjects of the CAs that have no CRL, so that their functions are all refused */
  readonly unlisted: readonly string[];
  readonly isRevoked: IsRevoked;
  readonly facts: readonly CertificateFacts[];
}

/** Writes names as texts. It takes tens of milliseconds to load, so it is loaded where a CRL is. */
async function loadX509() {
  await import("reflect-metadata");
  return await import("@peculiar/x509");
}

/**
 * @param inForce what a running relay goes by; null at its start
 * @returns null, with a problem noted, if one is not usable
 */
export async function readRevocationLists(
  file: NamedFile,
  authorities: readonly X509Certificate[],
  findings: Findings,
  now: Date,
  inForce: Pick<Revocation, "crl" | "unlisted"> | null,
): Promise<Revocation | null> {
  const crl = await readPem(file, PEM.crl, findings);
  if (crl === null) return null;
  const { Name, X509Certificate: Parsed } = await loadX509();
  const lists: (Omit<Crl, "issuer"> & { readonly issuer: string })[] = [];
  for (const [index, pem] of crl.entries()) {
    try {
      // OpenSSL takes a tenth of a second for 100,000 entries: not for those that it has taken already.
      if (!inForce?.crl.includes(pem)) createSecureContext({ crl: pem });
      const list = await readCrl(pem);
      lists.push({ ...list, issuer: new Name(list.issuer).toString() });
    } catch {
      findings.problem(file, `CRL ${index + 1} of ${crl.length} is damaged; have the CA write it again`);
      return null;
    }
  }
  const subjects = authorities.map((authority) => new Parsed(authority.raw).subject);
  const issuers = lists.map((list) => list.issuer);
  const unlisted = subjects.filter((name) => !issuers.includes(name));
  for (const subject of unlisted) {
    const what = `holds no CRL of the CA ${subject}, so its functions are all refused; add its CRL`;
    findings.newProblem(file, what, inForce?.unlisted.includes(subject));
  }
  for (const issuer of issuers.filter((name) => !subjects.includes(name))) {
    findings.warning(file, `holds a CRL of ${issuer}, which is none of the CAs; add that CA, or remove the CRL`);
  }
  const facts: CertificateFacts[] = [];
  for (const [index, { issuer, thisUpdate, nextUpdate }] of lists.entries()) {
    const known = inForce?.crl.includes(crl[index] ?? "");
    if (thisUpdate > now) {
      const what = `the CRL of ${issuer} is not valid before ${thisUpdate.toISOString()}, so every function is refused`;
      findings.newProblem(file, `${what}; check the clock`, known);
    }
    if (nextUpdate === undefined) continue;
    const expiry = expiryWarning("crl", nextUpdate, now);
    if (expiry !== null && nextUpdate > now) findings.warning(file, `the CRL of ${issuer} ${expiry}`);
    if (expiry !== null && nextUpdate <= now) findings.newProblem(file, `the CRL of ${issuer} ${expiry}`, known);
    facts.push({ use: "crl", file: file.path, subject: issuer, notAfter: nextUpdate });
  }
  return { crl, unlisted, isRevoked: revokedBy(lists, Parsed), facts };
}
