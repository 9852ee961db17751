/** What may be wrong with a chain, or look so and be right. Which of them it is, is not said here: `failuresOf` says that. */
import type { DescribedCertificate, DescribedChain } from "./judge-chain.ts";

/** A described chain, with what its bytes have to be like besides. */
export interface ChainPlan extends DescribedChain {
  readonly flaw: string;
  /** who signed the last of the certificates */
  readonly root: "ours" | "another of ours" | "foreign" | "foreign, of our name" | "itself";
  /** which of the certificates the client sends: all, the leaf, or all with the root */
  readonly sent: "all" | "leaf" | "with root";
  /** the last of the certificates is there twice, from ours and from a foreign CA; which of them is sent, or sent first */
  readonly crossed: "no" | "ours" | "foreign" | "ours first" | "foreign first";
  /** the leaf's key is the one that a route has pinned */
  readonly pinned: boolean;
}

type Difference = Partial<DescribedCertificate>;

export interface Flaw {
  readonly what: string;
  /** of the leaf; of one of its issuers, by default any; of any certificate of the chain */
  readonly leaf?: Difference;
  readonly issuer?: Difference;
  readonly issuerAt?: number;
  readonly any?: Difference;
  readonly chain?: Partial<ChainPlan>;
  /** how many issuers there are at least */
  readonly depth?: number;
  /** there are no issuers */
  readonly alone?: true;
  /** of all certificates */
  readonly key?: DescribedCertificate["key"];
}

const DAY = 86_400_000;
const COMMON_NAME = { san: null, commonNames: ["f1"] };

export function flaws(now: number): readonly Flaw[] {
  return [...ofOne(now), ...OF_THE_CHAIN, ...pinned(now), ...REVOKED];
}

function ofOne(now: number): readonly Flaw[] {
  return [
    { what: "none" },
    { what: "expired", any: { notAfter: now - DAY / 24 } },
    { what: "not yet valid", any: { notBefore: now + DAY / 24 } },
    { what: "a leaf that outlives its issuers", leaf: { notAfter: now + 999 * DAY } },
    { what: "a leaf older than its issuers", leaf: { notBefore: now - 999 * DAY } },
    { what: "for servers alone", leaf: { extendedUsages: ["serverAuth"] } },
    { what: "for other purposes", leaf: { extendedUsages: ["codeSigning", "emailProtection"] } },
    { what: "for any purpose", leaf: { extendedUsages: ["any"] } },
    { what: "for clients alone", leaf: { extendedUsages: ["clientAuth"] } },
    { what: "for no purpose in particular", leaf: { extendedUsages: null } },
    { what: "a leaf that may not sign", leaf: { usages: ["keyEncipherment"] } },
    { what: "a leaf without key usage", leaf: { usages: null } },
    { what: "a leaf that is a CA", leaf: { isCa: true, usages: ["digitalSignature", "keyCertSign"] } },
    { what: "an issuer for servers alone", issuer: { extendedUsages: ["serverAuth"] } },
    { what: "an issuer for clients alone", issuer: { extendedUsages: ["clientAuth"] } },
    { what: "an issuer without key usage", issuer: { usages: null } },
    { what: "an issuer that is no CA", issuer: { isCa: false, usages: ["digitalSignature"] } },
    { what: "a leaf for an issuer", issuer: { isCa: false, usages: ["digitalSignature", "keyCertSign"] } },
    { what: "an issuer that may not issue", issuer: { usages: ["cRLSign"] } },
    { what: "a common name below constraints", leaf: { names: COMMON_NAME }, issuer: { excludes: ["f1"] } },
    { what: "a name that its issuer permits", issuer: { permits: ["f1", "f3"] } },
    { what: "a name that its issuer does not permit", issuer: { permits: ["f9"] } },
    { what: "a name that its issuer excludes", issuer: { excludes: ["f1"] } },
    { what: "a name that its issuer does not exclude", issuer: { excludes: ["f9"] } },
    { what: "SHA-1", any: { hash: "SHA-1" }, key: "P-256" },
    { what: "SHA-1 and RSA", any: { hash: "SHA-1" }, key: "RSA-2048" },
    { what: "RSA of 1024 bits", any: { key: "RSA-1024" } },
    { what: "a critical extension that nobody knows", any: { oddity: true } },
  ];
}

const OF_THE_CHAIN: readonly Flaw[] = [
  { what: "another of our CAs", chain: { root: "another of ours" } },
  { what: "the root sent along", chain: { sent: "with root" } },
  { what: "a path that is too long", depth: 3, issuer: { pathLength: 1 }, issuerAt: 3 },
  { what: "a path that is just as long", depth: 3, issuer: { pathLength: 2 }, issuerAt: 3 },
  { what: "a chain of twenty", depth: 20 },
  { what: "a foreign CA", chain: { root: "foreign", anchored: false } },
  { what: "a foreign CA, sent along", chain: { root: "foreign", anchored: false, sent: "with root" } },
  { what: "a foreign CA of our name", chain: { root: "foreign, of our name", anchored: false } },
  {
    what: "a foreign CA of our name, sent along",
    chain: { root: "foreign, of our name", anchored: false, sent: "with root" },
  },
  { what: "self-signed", alone: true, chain: { root: "itself", anchored: false } },
  { what: "its issuers not sent", depth: 1, chain: { sent: "leaf", anchored: false } },
  { what: "cross-signed, by ours", depth: 1, chain: { crossed: "ours" } },
  { what: "cross-signed, by theirs", depth: 1, chain: { crossed: "foreign", anchored: false } },
  { what: "cross-signed, ours first", depth: 1, chain: { crossed: "ours first" } },
  { what: "cross-signed, theirs first", depth: 1, chain: { crossed: "foreign first" } },
];

/** Nobody vouches for it, and a route has pinned its key: nothing else may be wrong with it. */
function pinned(now: number): readonly Flaw[] {
  const unvouched = [
    { how: "self-signed", alone: true, root: "itself", sent: "all" },
    { how: "of a foreign CA", alone: true, root: "foreign", sent: "all" },
    { how: "of a foreign CA that is sent along", alone: true, root: "foreign", sent: "with root" },
  ] as const;
  const wrong: readonly Flaw[] = [
    { what: "right" },
    { what: "expired", leaf: { notAfter: now - DAY / 24 } },
    { what: "not yet valid", leaf: { notBefore: now + DAY / 24 } },
    { what: "for servers alone", leaf: { extendedUsages: ["serverAuth"] } },
    { what: "may not sign", leaf: { usages: ["keyEncipherment"] } },
    { what: "a critical extension", leaf: { oddity: true } },
  ];
  return unvouched.flatMap(({ how, alone, root, sent }) =>
    wrong.map(({ what, leaf = {} }) => ({
      what: `pinned, ${how}, ${what}`,
      alone,
      key: "P-256" as const,
      leaf,
      chain: { root, sent, anchored: false, pinned: true },
    })),
  );
}

const REVOKED: readonly Flaw[] = [
  { what: "lists, and nobody on them", chain: { lists: "good" } },
  { what: "revoked", any: { revoked: true }, chain: { lists: "good" } },
  { what: "revoked issuer", issuer: { revoked: true }, chain: { lists: "good" } },
  { what: "revoked, and expired", leaf: { revoked: true, notAfter: 1_700_000_000_000 }, chain: { lists: "good" } },
  { what: "a list is missing", depth: 1, chain: { lists: "missing" } },
  { what: "a list has run out", depth: 1, chain: { lists: "run out" } },
  { what: "a foreign CA, where there are lists", chain: { root: "foreign", anchored: false, lists: "good" } },
];
