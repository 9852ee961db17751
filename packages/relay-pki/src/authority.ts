/**
 * A certificate authority: made new, or opened from its files, and then asked for certificates and revocation lists. It
 * keeps no record of what it issued.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import {
  type CertificateFields,
  DAY_MS,
  DEFAULT_DAYS,
  defaultNotBefore,
  type Issuer,
  MAX_COMMON_NAME,
  signCertificate,
  type Validity,
} from "./certificate.ts";
import { exportKey, GENERATED_KEY_SIGNS_WITH, generateKeys, type Identity, readSigningKey } from "./keys.ts";
import { PkiError } from "./pki-error.ts";
import { type CrlOptions, signCrl } from "./revocation.ts";
import { functionNames, hostNames } from "./subject-names.ts";
import * as x509 from "./x509.ts";

const DEFAULT_AUTHORITY_DAYS = 3650;

/** How long a certificate is to last: until an exact moment, or for days, but then not past its issuer's end. */
interface Lifetime extends Validity {
  /** ignored where notAfter is given; default 365 */
  readonly days?: number;
}

export class Authority implements Identity {
  readonly certPem: string;
  readonly keyPem: string;
  readonly notAfter: Date;
  readonly #issuer: Issuer;

  constructor(identity: Identity, notAfter: Date, issuer: Issuer) {
    this.certPem = identity.certPem;
    this.keyPem = identity.keyPem;
    this.notAfter = notAfter;
    this.#issuer = issuer;
  }

  /**
   * A relay's certificate, good for a TLS server alone: it can never pass for a function's. `hosts` are the names and
   * IP addresses under which functions dial the relay.
   */
  async issueRelay({ hosts, ...lifetime }: { readonly hosts: readonly string[] } & Lifetime): Promise<Identity> {
    return await this.issue({
      ...(hosts[0] !== undefined && { commonName: hosts[0] }),
      ...hostNames(hosts),
      usages: ["serverAuth"],
      ...lifetime,
    });
  }

  /** A function's certificate, good for either side of TLS. A name that holds "://" becomes a URI SAN, any other a DNS SAN. */
  async issueFunction({ names, ...lifetime }: { readonly names: readonly string[] } & Lifetime): Promise<Identity> {
    return await this.issue({
      ...(names[0] !== undefined && { commonName: names[0] }),
      ...functionNames(names),
      usages: ["clientAuth", "serverAuth"],
      ...lifetime,
    });
  }

  /**
   * Any certificate, a wrong one too. An intermediate CA is one with `ca`, given to openAuthority(). Throws PkiError if the
   * certificate would be over before it begins, unless `notAfter` asks for just that.
   */
  async issue({ notBefore, notAfter, days, ...fields }: CertificateFields & Lifetime): Promise<Identity> {
    const keys = await generateKeys();
    const begin = notBefore ?? defaultNotBefore();
    const end = notAfter ?? this.#endAfter(begin, days ?? DEFAULT_DAYS);
    const certPem = await signCertificate(fields, { notBefore: begin, notAfter: end }, keys.publicKey, this.#issuer);
    return { certPem, keyPem: exportKey(keys.privateKey) };
  }

  /** A revocation list, as PEM. */
  async crl(options: CrlOptions): Promise<string> {
    return await signCrl(options, this.#issuer);
  }

  #endAfter(begin: Date, days: number): Date {
    const end = new Date(Math.min(begin.getTime() + days * DAY_MS, this.notAfter.getTime()));
    if (end > begin && end > new Date()) return end;
    throw new PkiError(`the authority's own certificate is valid only until ${this.notAfter.toISOString()}`);
  }
}

/** Makes a new authority, self-signed, for `days` (default 3650). */
export async function createAuthority({
  commonName,
  days = DEFAULT_AUTHORITY_DAYS,
  ...validity
}: { readonly commonName: string; readonly days?: number } & Validity): Promise<Authority> {
  if (commonName.length === 0 || commonName.length > MAX_COMMON_NAME) {
    throw new PkiError(`an authority's name is 1 to ${MAX_COMMON_NAME} characters`);
  }
  const keys = await generateKeys();
  const notBefore = validity.notBefore ?? defaultNotBefore();
  const notAfter = validity.notAfter ?? new Date(notBefore.getTime() + days * DAY_MS);
  const certPem = await signCertificate({ commonName, ca: true }, { notBefore, notAfter }, keys.publicKey, {
    signing: { key: keys.privateKey, algorithm: GENERATED_KEY_SIGNS_WITH },
  });
  return await openAuthority(certPem, exportKey(keys.privateKey));
}

/** Opens an authority from its PEM. Throws PkiError if the two do not belong together, or are not those of a CA. */
export async function openAuthority(certPem: string, keyPem: string): Promise<Authority> {
  const signing = readSigningKey(keyPem);
  const certificate = parseCertificate(certPem);
  if (!certificate.ca) throw new PkiError("the authority's certificate is not that of a CA");
  if (!certificate.checkPrivateKey(createPrivateKey(keyPem))) {
    throw new PkiError("the authority's key is not the one of its certificate");
  }
  const parsed = new x509.X509Certificate(certificate.raw);
  const subjectKey =
    parsed.getExtension(x509.SubjectKeyIdentifierExtension) ??
    (await x509.SubjectKeyIdentifierExtension.create(parsed.publicKey));
  const issuer = { name: parsed.subjectName, keyId: subjectKey.keyId, signing };
  return new Authority({ certPem, keyPem }, certificate.validToDate, issuer);
}

function parseCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new PkiError("the authority's certificate is not a certificate in PEM form", { cause });
  }
}
