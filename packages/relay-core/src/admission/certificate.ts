/**
 * The relay's own check of a client certificate. The TLS layer verifies the chain but never refuses (it could only
 * reset); here its verdict becomes a reason that the caller can be told.
 */

import { X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { constrainsNames, Refusal, type RefusalReason } from "@serverless-relay/protocol";
import { Identity } from "./identity.ts";
import type { Trust } from "./trust.ts";
import { flawOfUnvouched } from "./unvouched.ts";

/** As long as any chain that OpenSSL verifies; a self-signed certificate is its own issuer. */
const MAX_CHAIN = 102;

/** OpenSSL's verdicts, as Node names them; any other means `certificate_invalid`. */
const REASON_OF_VERDICT: Readonly<Record<string, RefusalReason>> = {
  CERT_HAS_EXPIRED: "certificate_expired",
  CERT_NOT_YET_VALID: "certificate_not_yet_valid",
  CERT_REVOKED: "certificate_revoked",
  INVALID_PURPOSE: "certificate_wrong_usage",
  UNABLE_TO_GET_ISSUER_CERT: "certificate_unknown_issuer",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "certificate_unknown_issuer",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "certificate_unknown_issuer",
  DEPTH_ZERO_SELF_SIGNED_CERT: "certificate_unknown_issuer",
  SELF_SIGNED_CERT_IN_CHAIN: "certificate_unknown_issuer",
  CERT_UNTRUSTED: "certificate_unknown_issuer",
  UNABLE_TO_GET_CRL: "certificate_not_checkable",
  CRL_HAS_EXPIRED: "certificate_not_checkable",
  CRL_NOT_YET_VALID: "certificate_not_checkable",
  CRL_SIGNATURE_FAILURE: "certificate_not_checkable",
  UNABLE_TO_DECRYPT_CRL_SIGNATURE: "certificate_not_checkable",
};

/**
 * Who is behind a TLS connection whose handshake is done. Throws Refusal: but for an unknown issuer, for which the identity's
 * flaw is the word, since a route may have pinned its key. `trust`: that of the TLS context in which the handshake was.
 */
export function verifyCertificate(tls: TLSSocket, trust: Trust): Identity {
  // Not getPeerX509Certificate(): Node keeps a reference to the certificate with each call, some 5 KiB that are never freed.
  const { raw } = tls.getPeerCertificate();
  if (raw === undefined) throw new Refusal("certificate_missing");
  const leaf = new X509Certificate(raw);
  if (!tls.authorized) return unknownIssuer(tls, leaf, trust);
  const identity = new Identity(leaf, intermediatesOf(tls, leaf, trust), trust, null);
  if (identity.names.length === 0 || isUnboundName(tls, leaf)) throw new Refusal("certificate_without_name");
  return identity;
}

/** Its name is a common name, which the name constraints of a CA would have to bound, and do not. */
function isUnboundName(tls: TLSSocket, leaf: X509Certificate): boolean {
  return leaf.subjectAltName === undefined && chainOf(tls).some(constrainsNames);
}

function unknownIssuer(tls: TLSSocket, leaf: X509Certificate, trust: Trust): Identity {
  const reason = reasonFor(tls, trust);
  if (reason !== "certificate_unknown_issuer") throw new Refusal(reason);
  const flaw = flawOfUnvouched(leaf, Date.now());
  if (flaw !== null) throw new Refusal(flaw);
  return new Identity(leaf, [], trust, reason);
}

function reasonFor(tls: TLSSocket, trust: Trust): RefusalReason {
  const reason = REASON_OF_VERDICT[verdictOf(tls)] ?? "certificate_invalid";
  // OpenSSL tells of the last failure. Of a CA that is not ours it has no CRL, either; but that is not why.
  const foreign = reason === "certificate_not_checkable" && !chainOf(tls).some((link) => trust.issued(link));
  return foreign ? "certificate_unknown_issuer" : reason;
}

/** What came along with the leaf and is none of the relay's CAs. Most leaves are a CA's own, and nothing is asked for. */
function intermediatesOf(tls: TLSSocket, leaf: X509Certificate, trust: Trust): X509Certificate[] {
  if (trust.namesIssuerOf(leaf)) return [];
  const ours = new Set(trust.authorities.map(({ fingerprint256 }) => fingerprint256));
  return chainOf(tls)
    .slice(1)
    .filter(({ fingerprint256 }) => !ours.has(fingerprint256));
}

/** The leaf, its issuer, and so on, as far as they are known. */
function chainOf(tls: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let link: DetailedPeerCertificate | undefined = tls.getPeerCertificate(true);
  for (let depth = 0; link?.raw !== undefined && depth < MAX_CHAIN; depth++) {
    const certificate = new X509Certificate(link.raw);
    if (chain.at(-1)?.fingerprint256 === certificate.fingerprint256) break;
    chain.push(certificate);
    link = link.issuerCertificate;
  }
  return chain;
}

/** Node's word for why the chain did not verify ("CERT_HAS_EXPIRED"). Declared as an Error, it is in fact a string. */
export function verdictOf(tls: TLSSocket): string {
  return String(tls.authorizationError);
}
