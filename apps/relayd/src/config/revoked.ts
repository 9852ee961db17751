/**
 * Who has been revoked, as the CRLs say it: node:tls asks them in a handshake, and nobody else can. This is for certificates
 * whose handshake is long over.
 */
import type { X509Certificate } from "node:crypto";
import type { X509Crl, X509Certificate as X509Parsed } from "@peculiar/x509";

export type IsRevoked = (certificate: X509Certificate) => boolean;

/** `Parsed` reads the issuer in the form in which a CRL gives its own. */
export function revokedBy(lists: readonly X509Crl[], Parsed: typeof X509Parsed): IsRevoked {
  const serialsOf = new Map([...latest(lists)].map(([issuer, list]) => [issuer, serialsIn(list)]));
  // By the issuer as Node writes it: the many certificates of one CA cost one look with the slow library.
  const known = new Map<string, ReadonlySet<string>>();
  return (certificate) => {
    let serials = known.get(certificate.issuer);
    if (serials === undefined) {
      serials = serialsOf.get(new Parsed(certificate.raw).issuer) ?? NONE;
      if (known.size < MOST_ISSUERS) known.set(certificate.issuer, serials);
    }
    return serials.has(normal(certificate.serialNumber));
  };
}

const NONE: ReadonlySet<string> = new Set();
/** Of those who were admitted: a handful. It must not grow with what clients pin themselves in by. */
const MOST_ISSUERS = 1_000;

/** Of several lists of one CA, the latest counts, as it does for OpenSSL. */
function latest(lists: readonly X509Crl[]): ReadonlyMap<string, X509Crl> {
  const byIssuer = new Map<string, X509Crl>();
  for (const list of lists) {
    const other = byIssuer.get(list.issuer);
    if (other === undefined || other.thisUpdate < list.thisUpdate) byIssuer.set(list.issuer, list);
  }
  return byIssuer;
}

function serialsIn(list: X509Crl): ReadonlySet<string> {
  return new Set(list.entries.map(({ serialNumber }) => normal(serialNumber)));
}

/** Hexadecimal digits as different programs write them: in either case, with or without leading zeros. */
function normal(serial: string): string {
  return serial.toLowerCase().replace(/^0+(?=.)/, "");
}
