/**
 * What the relay goes by when it judges a certificate that it has admitted already: the CAs, and who has been revoked. The
 * TLS layer judges during the handshake, by the same files; this does it again, without a handshake, when they change.
 * Immutable: a change makes a new Trust.
 */
import { X509Certificate } from "node:crypto";
import type { Credentials } from "./tls-server.ts";

/** Why an admitted certificate is no longer good: of refusals, and of the ends of sessions. */
export type Flaw = "certificate_revoked" | "certificate_expired" | "certificate_unknown_issuer";

export interface Chain {
  readonly leaf: X509Certificate;
  /** in any order */
  readonly intermediates: readonly X509Certificate[];
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

export class Trust {
  readonly authorities: readonly X509Certificate[];
  readonly #isRevoked: (certificate: X509Certificate) => boolean;
  readonly #authorityTexts: string;

  constructor({ ca, isRevoked = () => false }: Pick<Credentials, "ca" | "isRevoked">) {
    const texts = ca.toString().match(PEM_CERTIFICATE) ?? [];
    this.authorities = texts.map((pem) => new X509Certificate(pem));
    this.#authorityTexts = this.authorities
      .map(({ fingerprint256 }) => fingerprint256)
      .sort()
      .join();
    this.#isRevoked = isRevoked;
  }

  hasAuthoritiesOf(other: Trust): boolean {
    return this.#authorityTexts === other.#authorityTexts;
  }

  /** Whether one of the CAs is the issuer, by name and key id; the signature is not looked at. */
  namesIssuerOf(certificate: X509Certificate): boolean {
    return this.authorities.some((authority) => certificate.checkIssued(authority));
  }

  /** Whether one of the CAs issued the certificate. */
  issued(certificate: X509Certificate): boolean {
    return this.authorities.some((authority) => isIssuedBy(certificate, authority));
  }

  /**
   * Whether a chain leads from the leaf to one of the CAs, of which each certificate is valid at `now` (milliseconds since
   * the epoch) and none has been revoked. Usage and names were judged when it was admitted, and do not change.
   *
   * `signaturesHold`: it was accepted by the same CAs before, so that the signatures need no second look.
   */
  judge({ leaf, intermediates }: Chain, now: number, signaturesHold = false): Flaw | null {
    const issues = signaturesHold ? hasIssuer : isIssuedBy;
    const issuers = new Set([...this.authorities, ...intermediates.filter(({ ca }) => ca)]);
    const climb = (certificate: X509Certificate): Flaw | null => {
      const flaw = this.#ownFlaw(certificate, now);
      if (flaw !== null) return flaw;
      if (certificate !== leaf && certificate.checkIssued(certificate)) {
        return this.authorities.includes(certificate) ? null : "certificate_unknown_issuer";
      }
      let worst: Flaw = "certificate_unknown_issuer";
      for (const issuer of issuers) {
        if (!issues(certificate, issuer)) continue;
        issuers.delete(issuer); // it leads to a CA or it does not: one look is enough
        const above = climb(issuer);
        if (above === null) return null;
        if (above !== "certificate_unknown_issuer") worst = above;
      }
      return worst;
    };
    return climb(leaf);
  }

  #ownFlaw(certificate: X509Certificate, now: number): Flaw | null {
    if (this.#isRevoked(certificate)) return "certificate_revoked";
    if (certificate.validToDate.getTime() < now) return "certificate_expired";
    return certificate.validFromDate.getTime() > now ? "certificate_unknown_issuer" : null;
  }
}

function hasIssuer(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer);
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
