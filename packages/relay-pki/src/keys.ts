/** Keys: made, exported as PEM, and read back, whatever kind an authority from elsewhere brings. */
import { createPrivateKey, KeyObject, type webcrypto } from "node:crypto";
import { PkiError } from "./pki-error.ts";

/** A certificate and its key. Both are PEM and end in a newline; the key is PKCS#8 and not encrypted. */
export interface Identity {
  readonly certPem: string;
  readonly keyPem: string;
}

/** A private key that can sign, with the algorithm that it signs with. */
export interface SigningKey {
  readonly key: webcrypto.CryptoKey;
  readonly algorithm: { readonly name: string; readonly hash?: string };
}

export async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
}

export function exportKey(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: "pkcs8", format: "pem" }).toString();
}

export const GENERATED_KEY_SIGNS_WITH = { name: "ECDSA", hash: "SHA-256" } as const;

/** By the names that node:crypto gives to curves; each with the hash of its own strength. */
const CURVES: Record<string, { namedCurve: string; hash: string }> = {
  prime256v1: { namedCurve: "P-256", hash: "SHA-256" },
  secp384r1: { namedCurve: "P-384", hash: "SHA-384" },
  secp521r1: { namedCurve: "P-521", hash: "SHA-512" },
};

/** Reads the key of an authority. Throws PkiError if it is none, or of a kind that cannot sign certificates here. */
export function readSigningKey(pem: string): SigningKey {
  const key = parseKey(pem);
  const kind = key.asymmetricKeyType;
  if (kind === "ec") return readEcKey(key);
  if (kind === "rsa") {
    const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    return { key: key.toCryptoKey(algorithm, false, ["sign"]), algorithm };
  }
  if (kind === "ed25519") {
    return { key: key.toCryptoKey("Ed25519", false, ["sign"]), algorithm: { name: "Ed25519" } };
  }
  throw new PkiError(`the authority's key is of kind ${kind}; it has to be EC, RSA or Ed25519`);
}

function readEcKey(key: KeyObject): SigningKey {
  const curve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ""];
  if (curve === undefined) throw new PkiError("the authority's key is on none of the curves P-256, P-384 and P-521");
  const { namedCurve, hash } = curve;
  return {
    key: key.toCryptoKey({ name: "ECDSA", namedCurve }, false, ["sign"]),
    algorithm: { name: "ECDSA", hash },
  };
}

function parseKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new PkiError("the authority's key is not an unencrypted private key in PEM form", { cause });
  }
}
