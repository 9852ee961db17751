/**
 * The relay's own check of a client certificate. The TLS layer verifies the chain but never refuses (it could only
 * reset); here its verdict becomes a reason that the caller can be told.
 */

import type { TLSSocket } from "node:tls";
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

/** The verified names behind a TLS connection whose handshake is done. Throws Refusal. */
export function verifyCertificate(tls: TLSSocket): Identity {
  const certificate = tls.getPeerX509Certificate();
  if (certificate === undefined) throw new Refusal("certificate_missing");
  if (!tls.authorized) throw new Refusal(REASON_OF_VERDICT[verdictOf(tls)] ?? "certificate_invalid");
  const names = certificateNames(certificate);
  if (names.length === 0) throw new Refusal("certificate_without_name");
  return { names };
}

/** Node's word for why the chain did not verify ("CERT_HAS_EXPIRED"). Declared as an Error, it is in fact a string. */
export function verdictOf(tls: TLSSocket): string {
  return String(tls.authorizationError);
}
