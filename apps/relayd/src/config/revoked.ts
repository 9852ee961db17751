/**
 * Who has been revoked, as the CRLs say it: node:tls asks them in a handshake, and nobody else can. This is for certificates
 * whose handshake is long over.
 */
import type { X509Certificate } from "node:crypto";
import type { X509Certificate as X509Parsed } from "@peculiar/x509";
import { normalSerial } from "./crl.ts";

export type IsRevoked = (certificate: X509Certificate) => boolean;

/** A CRL, with the name of its CA as text. */
export interface NamedCrl {
  readonly issuer: string;
  readonly thisUpdate: Date;
  readonly serials: ReadonlySet<string>;
}

/** `Parsed` reads the issuer in the form in which a CRL gives its own. */
export function revokedBy(lists: readonly NamedCrl[], Parsed: typeof X509Parsed): IsRevoked {
  const listOf = latest(lists);
  // By the issuer as Node writes it: the many certificates of one CA cost one look with the slow library.
  const known = new Map<string, ReadonlySet<string>>();
  return (certificate) => {
    let serials = known.get(certificate.issuer);
    if (serials === undefined) {
      serials = listOf.get(new Parsed(certificate.raw).issuer)?.serials ?? NONE;
      if (known.size < MOST_ISSUERS) known.set(certificate.issuer, serials);
    }
    return serials.has(normalSerial(certificate.serialNumber));
  };
}

const NONE: ReadonlySet<string> = new Set();
/** Of those who were admitted: a handful. It must not grow with what clients pin themselves in by. */
const MOST_ISSUERS = 1_000;

/** Of several lists of one CA, the latest counts, as it does for OpenSSL. */
function latest(lists: readonly NamedCrl[]): ReadonlyMap<string, NamedCrl> {
  const byIssuer = new Map<string, NamedCrl>();
  for (const list of lists) {
    const other = byIssuer.get(list.issuer);
    if (other === undefined || other.thisUpdate < list.thisUpdate) byIssuer.set(list.issuer, list);
  }
  return byIssuer;
}
