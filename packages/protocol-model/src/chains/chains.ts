/**
 * Chains of certificates as descriptions: each is sound but for one flaw, in one of its certificates or in how it hangs
 * together, and says who its subject is in one of the ways in which that can be said.
 */
import fc from "fast-check";
import type { CertifiedNames } from "../names.ts";
import { type ChainPlan, type Flaw, flaws } from "./flaws.ts";
import type { DescribedCertificate } from "./judge-chain.ts";
import { SUBJECTS } from "./subjects.ts";

interface Rest {
  readonly depth: number;
  readonly keys: readonly DescribedCertificate["key"][];
  readonly names: CertifiedNames;
  readonly at: number;
}

const DAY = 86_400_000;

/** `count` of them, all flaws in turn. `now`: milliseconds since the epoch. */
export function chainPlans(count: number, seed: number, now: number): readonly ChainPlan[] {
  const rest: fc.Arbitrary<Rest> = fc.record({
    depth: fc.nat(2),
    keys: fc.array(fc.constantFrom("P-256", "P-256", "P-384", "Ed25519", "RSA-2048"), { minLength: 3, maxLength: 3 }),
    names: fc.oneof(fc.constantFrom(...SUBJECTS.slice(0, 2)), fc.constantFrom(...SUBJECTS)),
    at: fc.nat(2),
  });
  const all = flaws(now);
  return fc.sample(rest, { seed, numRuns: count }).map((one, index) => {
    const flaw = all[index % all.length];
    if (flaw === undefined) throw new RangeError("there are no flaws");
    return planWith(flaw, one, now);
  });
}

function planWith(flaw: Flaw, { depth, keys, names, at }: Rest, now: number): ChainPlan {
  const issuers = Math.max(depth, flaw.depth ?? 0, flaw.issuer === undefined ? 0 : 1);
  const certificates = Array.from({ length: flaw.alone === true ? 1 : issuers + 1 }, (_, index) => ({
    ...(index === 0 ? leafFor(names, now) : soundIssuer(now)),
    key: flaw.key ?? keys[index % keys.length] ?? "P-256",
    ...(index === 0 ? flaw.leaf : {}),
  }));
  const plant = (index: number, what: Partial<DescribedCertificate> | undefined) => {
    const certificate = certificates[index];
    if (certificate !== undefined) certificates[index] = { ...certificate, ...what };
  };
  if (flaw.any !== undefined) plant(at % certificates.length, flaw.any);
  if (flaw.issuer !== undefined) plant(flaw.issuerAt ?? 1 + (at % (certificates.length - 1)), flaw.issuer);
  return {
    flaw: flaw.what,
    certificates,
    anchored: true,
    lists: "none",
    root: "ours",
    sent: "all",
    crossed: "no",
    pinned: false,
    ...flaw.chain,
  };
}

function leafFor(names: CertifiedNames, now: number): DescribedCertificate {
  return {
    ...soundIssuer(now),
    extendedUsages: ["clientAuth", "serverAuth"],
    usages: ["digitalSignature"],
    isCa: false,
    names,
  };
}

export function soundIssuer(now: number): DescribedCertificate {
  return {
    notBefore: now - DAY,
    notAfter: now + 9 * DAY,
    extendedUsages: null,
    usages: ["keyCertSign", "cRLSign"],
    isCa: true,
    pathLength: null,
    permits: null,
    excludes: [],
    key: "P-256",
    hash: "SHA-256",
    oddity: false,
    revoked: false,
    names: { san: null, commonNames: ["issuer"] },
  };
}
