/** A few keys of each kind, used over and over: making one of RSA takes longer than everything else here. */
import { KeyObject, type webcrypto } from "node:crypto";
import type { DescribedCertificate } from "@serverless-relay/protocol-model";

export type Kind = DescribedCertificate["key"];
export type Hash = DescribedCertificate["hash"];

const RSA = { name: "RSASSA-PKCS1-v1_5", publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" };
const ALGORITHMS = {
  "P-256": { name: "ECDSA", namedCurve: "P-256" },
  "P-384": { name: "ECDSA", namedCurve: "P-384" },
  Ed25519: { name: "Ed25519" },
  "RSA-2048": { ...RSA, modulusLength: 2048 },
  "RSA-1024": { ...RSA, modulusLength: 1024 },
} as const;

export class Keys {
  readonly #made = new Map<string, Promise<webcrypto.CryptoKeyPair>>();

  /** The same for the same `which`. */
  of(kind: Kind, which: string): Promise<webcrypto.CryptoKeyPair> {
    const id = `${kind} ${which}`;
    const made = this.#made.get(id) ?? generate(kind);
    this.#made.set(id, made);
    return made;
  }
}

/** The key as what signs with this hash; Ed25519 has its own. */
export async function signer(
  { privateKey }: webcrypto.CryptoKeyPair,
  kind: Kind,
  hash: Hash,
): Promise<{ key: webcrypto.CryptoKey; algorithm: { name: string; hash?: string } }> {
  if (kind === "Ed25519") return { key: privateKey, algorithm: { name: "Ed25519" } };
  if (kind === "P-256" || kind === "P-384") return { key: privateKey, algorithm: { name: "ECDSA", hash } };
  // A key of RSA is bound to its hash.
  const key = KeyObject.from(privateKey).toCryptoKey({ name: RSA.name, hash }, false, ["sign"]);
  return { key, algorithm: { name: RSA.name, hash } };
}

export function pemOf(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: "pkcs8", format: "pem" }).toString();
}

async function generate(kind: Kind): Promise<webcrypto.CryptoKeyPair> {
  return (await crypto.subtle.generateKey(ALGORITHMS[kind], true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
}
