/**
 * What is wrong with a certificate that nobody vouches for and whose key may be pinned. Without an issuer to go by, the TLS
 * library tells of that alone; whether a TLS client may use the certificate is looked at here.
 */
import type { X509Certificate } from "node:crypto";
import { ExtensionId, extensionsOf, type RefusalReason } from "@serverless-relay/protocol";

const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const UNDERSTOOD: ReadonlySet<string> = new Set([
  ExtensionId.keyUsage,
  ExtensionId.subjectAltName,
  ExtensionId.basicConstraints,
  ExtensionId.extendedKeyUsage,
]);
/** digitalSignature or keyAgreement (RFC 5280 §4.2.1.3): the first byte of the bit string. */
const FOR_HANDSHAKES = 0x88;

/** Null: nothing. `now`: milliseconds since the epoch. */
export function flawOfUnvouched(leaf: X509Certificate, now: number): RefusalReason | null {
  if (leaf.validToDate.getTime() < now) return "certificate_expired";
  if (leaf.validFromDate.getTime() > now) return "certificate_not_yet_valid";
  const extensions = extensionsOf(leaf);
  if (extensions.some(({ id, critical }) => critical && !UNDERSTOOD.has(id))) return "certificate_invalid";
  const usage = extensions.find(({ id }) => id === ExtensionId.keyUsage);
  // The value is a BIT STRING: tag, length, unused bits, and then the bits.
  const maySign = usage === undefined || ((usage.value[3] ?? 0) & FOR_HANDSHAKES) !== 0;
  // `keyUsage` is Node's word for the extended key usages.
  const extended: readonly string[] | undefined = leaf.keyUsage;
  const isForClients = extended === undefined || extended.includes(CLIENT_AUTH);
  return maySign && isForClients ? null : "certificate_wrong_usage";
}
