/** Whatever a certificate may say of who its subject is, right or wrong. The first two are plain. */
import type { CertifiedNames } from "../names.ts";

const SPIFFE = "spiffe://example.org/f1";

export const SUBJECTS: readonly CertifiedNames[] = [
  dns("f1"),
  uris(SPIFFE),
  dns("f1", "f1"),
  dns("f1", "f3"),
  dns("*.f1"),
  dns("*"),
  dns("*.f1", "f1"),
  dns(""),
  dns("F1"),
  dns("f1."),
  dns("f1\0.evil"),
  dns("evil\0f1"),
  dns("f1, DNS:f3"),
  dns("f1, URI:spiffe://example.org/f1"),
  { san: { uris: [], dns: [] }, commonNames: ["f1"] },
  { san: { uris: [], dns: ["f3"] }, commonNames: ["f1"] },
  { san: { uris: [], dns: ["*.f1"] }, commonNames: ["f1"] },
  commonNames("f1"),
  commonNames("f1\0.evil"),
  commonNames("f1\nCN=f3"),
  commonNames("f1", "f3"),
  commonNames("f1", "f1"),
  commonNames("CN=f1"),
  commonNames(""),
  commonNames(),
  uris(SPIFFE, "spiffe://example.org/f3"),
  uris(SPIFFE, SPIFFE),
  uris(SPIFFE, "https://example.org/f1"),
  uris("https://example.org/f1", "https://example.org/f3"),
  uris("SPIFFE://example.org/f1"),
  uris("spiffe://example.org/f1?x"),
  uris("spiffe://example.org/f1\n"),
  uris("spiffe://example.org/f1, DNS:f3"),
  uris(""),
];

function dns(...names: string[]): CertifiedNames {
  return { san: { uris: [], dns: names }, commonNames: [] };
}

/** With others beside them that must not count. */
function uris(...names: string[]): CertifiedNames {
  return { san: { uris: names, dns: ["f1"] }, commonNames: ["f1"] };
}

function commonNames(...names: string[]): CertifiedNames {
  return { san: null, commonNames: names };
}
