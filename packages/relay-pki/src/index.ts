/**
 * Issues the certificates that a relay and its functions need: ECDSA P-256, keys as PKCS#8 PEM. For start-up, tests and
 * small installations; an installation with a PKI of its own needs none of this.
 */
export { type Authority, createAuthority, openAuthority } from "./authority.ts";
export type { Usage, Validity } from "./certificate.ts";
export type { Identity } from "./keys.ts";
export { PkiError } from "./pki-error.ts";
export { type CrlOptions, normalSerial, type ReadCrl, type Revoked, readCrl } from "./revocation.ts";
export { createSelfSigned } from "./self-signed.ts";
