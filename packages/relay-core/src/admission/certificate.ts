/**
 * The relay's own check of a client certificate. The TLS layer verifies the chain but never refuses (it could only
 * reset); here its verdict becomes a reason that the caller can be told.
 */

import { X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";

/** Longer than any chain that verifies; a self-signed certificate is its own issuer. */
const MAX_CHAIN = 16;

import { certificateNames, Refusal, type RefusalReason } from "@serverless-relay/protocol";

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

/** What admission keeps of a certificate. */
export interface Identity {
  /** not empty */
  readonly names: readonly string[];
}

/**
 * The verified names behind a TLS connection whose handshake is done. Throws Refusal. `authorities`: the relay's CAs, as in
 * its TLS context.
 */
export function verifyCertificate(tls: TLSSocket, authorities: readonly X509Certificate[]): Identity {
  // Not getPeerX509Certificate(): Node keeps a reference to the certificate with each call, some 5 KiB that are never freed.
  const { raw } = tls.getPeerCertificate();
  if (raw === undefined) throw new Refusal("certificate_missing");
  if (!tls.authorized) throw new Refusal(reasonFor(tls, authorities));
  const certificate = new X509Certificate(raw);
  const names = certificateNames(certificate);
  if (names.length === 0) throw new Refusal("certificate_without_name");
  return { names };
}

function reasonFor(tls: TLSSocket, authorities: readonly X509Certificate[]): RefusalReason {
  const reason = REASON_OF_VERDICT[verdictOf(tls)] ?? "certificate_invalid";
  // OpenSSL tells of the last failure. Of a CA that is not ours it has no CRL, either; but that is not why.
  const foreign = reason === "certificate_not_checkable" && !isIssuedBy(authorities, tls.getPeerCertificate(true));
  return foreign ? "certificate_unknown_issuer" : reason;
}

/** Whether one of `authorities` issued the certificate, or an issuer that came along with it. */
function isIssuedBy(authorities: readonly X509Certificate[], leaf: DetailedPeerCertificate): boolean {
  let link: DetailedPeerCertificate | undefined = leaf;
  for (let depth = 0; link?.raw !== undefined && depth < MAX_CHAIN; depth++) {
    const certificate = new X509Certificate(link.raw);
    if (authorities.some((ca) => certificate.checkIssued(ca) && certificate.verify(ca.publicKey))) return true;
    link = link.issuerCertificate;
  }
  return false;
}

/** Node's word for why the chain did not verify ("CERT_HAS_EXPIRED"). Declared as an Error, it is in fact a string. */
export function verdictOf(tls: TLSSocket): string {
  return String(tls.authorizationError);
}
