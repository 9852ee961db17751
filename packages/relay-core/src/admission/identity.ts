/**
 * What the relay keeps of an admitted client's certificate for as long as the client is parked or in a session: enough to
 * judge it anew when the CAs or the CRLs change, and when it runs out. Thousands are held, so it is small: DER in flat
 * strings, where a Buffer would take as much again, and one object for all connections with the same certificate.
 */
import { createHash, X509Certificate } from "node:crypto";
import { certificateNames } from "@serverless-relay/protocol";
import type { Flaw, Trust } from "./trust.ts";

export class Identity {
  /** empty if the certificate bears none that a function may have */
  readonly names: readonly string[];
  /** DER, one character a byte */
  readonly leaf: string;
  /** DER of the issuers between the leaf and the relay's CAs, as the client sent them */
  readonly intermediates: readonly string[];
  /** milliseconds since the epoch at which the first of these certificates runs out */
  readonly notAfter: number;
  #judge: Trust;
  #flaw: Flaw | null;
  #key: string | null = null;

  /** `flaw`: what `judge` makes of it */
  constructor(leaf: X509Certificate, intermediates: readonly X509Certificate[], judge: Trust, flaw: Flaw | null) {
    this.names = certificateNames(leaf);
    this.leaf = flat(leaf);
    this.intermediates = intermediates.length === 0 ? NONE : intermediates.map(flat);
    this.notAfter = Math.min(...[leaf, ...intermediates].map((certificate) => certificate.validToDate.getTime()));
    this.#judge = judge;
    this.#flaw = flaw;
  }

  /** Why `trust` does not accept the certificate; null if it does. Costs nothing unless `trust` is new to it. */
  flawUnder(trust: Trust): Flaw | null {
    if (this.#judge !== trust) {
      const chain = { leaf: parse(this.leaf), intermediates: this.intermediates.map(parse) };
      const signaturesHold = this.#flaw === null && trust.hasAuthoritiesOf(this.#judge);
      this.#flaw = trust.judge(chain, Date.now(), signaturesHold);
      this.#judge = trust;
    }
    return this.#flaw;
  }

  /** "sha256:" and 64 hexadecimal digits, of the leaf: what `openssl x509 -fingerprint -sha256` says, in another spelling */
  get fingerprint(): string {
    return `sha256:${createHash("sha256").update(this.leaf, "latin1").digest("hex")}`;
  }

  /** "sha256:" and 64 hexadecimal digits, of the SubjectPublicKeyInfo: what a route may pin an end to */
  get key(): string {
    this.#key ??= keyOf(parse(this.leaf));
    return this.#key;
  }
}

/** One Identity for each certificate, for as long as somebody holds it. */
export class Identities {
  readonly #known = new Map<string, WeakRef<Identity>>();
  readonly #gone = new FinalizationRegistry<string>((leaf) => {
    if (this.#known.get(leaf)?.deref() === undefined) this.#known.delete(leaf);
  });

  /**
   * The one that is held of the same leaf and intermediates; `identity` itself if there is none yet, or `trust` found a flaw
   * in that one.
   */
  shared(identity: Identity, trust: Trust): Identity {
    const known = this.#known.get(identity.leaf)?.deref();
    const fits = known !== undefined && sameTexts(known.intermediates, identity.intermediates);
    if (fits && known.flawUnder(trust) === null) return known;
    this.#known.set(identity.leaf, new WeakRef(identity));
    this.#gone.register(identity, identity.leaf);
    return identity;
  }
}

const NONE: readonly string[] = [];

function flat({ raw }: X509Certificate): string {
  return raw.toString("latin1");
}

function parse(der: string): X509Certificate {
  return new X509Certificate(Buffer.from(der, "latin1"));
}

function keyOf({ publicKey }: X509Certificate): string {
  return `sha256:${createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex")}`;
}

function sameTexts(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((text, index) => text === others[index]);
}
