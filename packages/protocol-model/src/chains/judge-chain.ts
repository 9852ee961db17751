/**
 * PROTOCOL.md section 6.1 (and RFC 5280 §6, where that refers to it), of a chain that is described, not encoded: one rule after
 * another, each with the reason that it gives.
 */
import type { CertifiedNames } from "../names.ts";

export interface DescribedCertificate {
  /** milliseconds since the epoch */
  readonly notBefore: number;
  readonly notAfter: number;
  /** what the extended key usage extension holds; null: there is none */
  readonly extendedUsages: readonly string[] | null;
  /** what the key usage extension holds; null: there is none */
  readonly usages: readonly string[] | null;
  readonly isCa: boolean;
  /** of a CA: how many further CAs may stand between it and the leaf */
  readonly pathLength: number | null;
  /** of a CA: the domains in which alone the DNS names below it may be, and those in which they may not */
  readonly permits: readonly string[] | null;
  readonly excludes: readonly string[];
  readonly key: "P-256" | "P-384" | "Ed25519" | "RSA-2048" | "RSA-1024";
  /** of the signature on it */
  readonly hash: "SHA-1" | "SHA-256" | "SHA-384";
  /** it has a critical extension that nobody knows */
  readonly oddity: boolean;
  readonly revoked: boolean;
  readonly names: CertifiedNames;
}

export interface DescribedChain {
  /** from the leaf up to the last below a CA that is its own issuer, which is not among them */
  readonly certificates: readonly DescribedCertificate[];
  /** that CA is one of the relay's, by its key, and all between are there */
  readonly anchored: boolean;
  /** the relay's revocation lists: none configured, one for each CA, or that of the leaf's issuer is missing or has run out */
  readonly lists: "none" | "good" | "missing" | "run out";
}

/** Reasons of which any may be given, one for each failure. Empty: it verifies. */
export function failuresOf({ certificates, anchored, lists }: DescribedChain, now: number): readonly string[] {
  const reasons = new Set<string>();
  if (!anchored) reasons.add("certificate_unknown_issuer");
  if (certificates.some(({ notAfter }) => notAfter < now)) reasons.add("certificate_expired");
  if (certificates.some(({ notBefore }) => notBefore > now)) reasons.add("certificate_not_yet_valid");
  if (anchored && lists !== "none" && certificates.some(({ revoked }) => revoked)) reasons.add("certificate_revoked");
  if (anchored && (lists === "missing" || lists === "run out")) reasons.add("certificate_not_checkable");
  if (!isForClients(certificates)) reasons.add("certificate_wrong_usage");
  if (!isSoundlyBuilt(certificates)) reasons.add("certificate_invalid");
  // Section 7: that an issuer may not be used as one may count as either.
  if (certificates.slice(1).some(({ isCa }) => !isCa)) reasons.add("certificate_wrong_usage");
  return [...reasons];
}

function isForClients(certificates: readonly DescribedCertificate[]): boolean {
  const usages = certificates[0]?.usages ?? null;
  return (
    certificates.every(({ extendedUsages }) => extendedUsages === null || extendedUsages.includes("clientAuth")) &&
    (usages === null || usages.includes("digitalSignature"))
  );
}

/** Everything of RFC 5280 that has no reason of its own. */
function isSoundlyBuilt(certificates: readonly DescribedCertificate[]): boolean {
  const [leaf, ...issuers] = certificates;
  return (
    certificates.every(({ hash, key, oddity }) => hash !== "SHA-1" && key !== "RSA-1024" && !oddity) &&
    issuers.every(({ isCa, usages }) => isCa && (usages === null || usages.includes("keyCertSign"))) &&
    issuers.every(({ pathLength }, below) => pathLength === null || below <= pathLength) &&
    issuers.every((issuer) => leaf === undefined || allowsNames(issuer, leaf.names))
  );
}

/** RFC 5280 §4.2.1.10, of DNS names: a domain, and all below it. Constraints of other kinds are not in these chains. */
function allowsNames({ permits, excludes }: DescribedCertificate, { san }: CertifiedNames): boolean {
  return (san?.dns ?? []).every(
    (name) =>
      (permits === null || permits.some((domain) => isWithin(name, domain))) &&
      !excludes.some((domain) => isWithin(name, domain)),
  );
}

function isWithin(name: string, domain: string): boolean {
  return name.toLowerCase() === domain.toLowerCase() || name.toLowerCase().endsWith(`.${domain.toLowerCase()}`);
}

/** 4.2: what the name constraints of an issuer do not bound is no name. */
export function bearsNames({ certificates: [leaf, ...issuers] }: DescribedChain): boolean {
  const constrained = issuers.some(({ permits, excludes }) => permits !== null || excludes.length > 0);
  return leaf !== undefined && !(leaf.names.san === null && constrained);
}
