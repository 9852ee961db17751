/** Makes what a plan describes: certificates, as a client sends them, its key, and the revocation lists of their issuers. */
import type { webcrypto } from "node:crypto";
import type { ChainPlan, DescribedCertificate } from "@serverless-relay/protocol-model";
import { encode, subjectOf } from "./encode.ts";
import { Keys, type Kind, pemOf, signer } from "./keys.ts";
import * as x509 from "./x509.ts";

export interface Issued {
  /** PEM: the leaf, and whatever else is sent */
  readonly cert: string;
  readonly key: string;
  /** PEM */
  readonly lists: string;
}

/** Somebody who has a certificate, and may issue some. */
interface Party {
  readonly name: x509.Name;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly kind: Kind;
}

type RootName = Exclude<ChainPlan["root"], "itself">;

interface Root extends Party {
  readonly certificate: x509.X509Certificate;
  /** serial numbers */
  readonly revoked: string[];
}

const DAY = 86_400_000;
const COMMON_NAMES: Readonly<Record<RootName, string>> = {
  ours: "root",
  "another of ours": "second root",
  foreign: "stranger",
  "foreign, of our name": "root",
};

export class Issuing {
  readonly #keys = new Keys();
  readonly #roots = new Map<RootName, Root>();
  #serial = 0x1000;

  /** `root`: what the certificate of every CA at the top is like. */
  static async begin(root: DescribedCertificate): Promise<Issuing> {
    const issuing = new Issuing();
    for (const [which, commonName] of Object.entries(COMMON_NAMES) as [RootName, string][]) {
      const party = {
        name: subjectOf([commonName]),
        keys: await issuing.#keys.of("P-256", which),
        kind: "P-256",
      } as const;
      issuing.#roots.set(which, { ...party, certificate: await issuing.#sign(root, party, party), revoked: [] });
    }
    return issuing;
  }

  /** PEM of the CAs that the relay is given. */
  get anchors(): string {
    return this.#ours.map(({ certificate }) => pem(certificate)).join("");
  }

  /** Their revocation lists, with all that was to be revoked so far. */
  async anchorLists(): Promise<string> {
    return (await Promise.all(this.#ours.map((root) => list(root, root.revoked, DAY)))).join("");
  }

  /** SHA-256 of the public key of pinned leaves, as a route is given it. */
  async pin(): Promise<string> {
    const { publicKey } = await this.#keys.of("P-256", "pinned");
    const spki = await crypto.subtle.exportKey("spki", publicKey);
    return `sha256:${Buffer.from(await crypto.subtle.digest("SHA-256", spki)).toString("hex")}`;
  }

  /** `id`: tells its issuers from those of other chains. */
  async issue(plan: ChainPlan, id: number): Promise<Issued> {
    const parties = await Promise.all(plan.certificates.map((one, index) => this.#party(plan, one, index, id)));
    const certificates: x509.X509Certificate[] = [];
    let lists = "";
    for (const [index, described] of plan.certificates.entries()) {
      const issuer = parties[index + 1] ?? this.#rootOf(plan, parties);
      const certificate = await this.#sign(described, at(parties, index), issuer);
      certificates.push(certificate);
      const revoked = described.revoked ? [certificate.serialNumber] : [];
      if (isRoot(issuer)) issuer.revoked.push(...revoked);
      else if (plan.lists === "run out") lists += await list(issuer, revoked, -DAY);
      else if (plan.lists === "good") lists += await list(issuer, revoked, DAY);
    }
    const sent = await this.#sent(plan, certificates, parties);
    return { cert: sent.map(pem).join(""), key: pemOf(at(parties, 0).keys.privateKey), lists };
  }

  get #ours(): readonly Root[] {
    return [this.#root("ours"), this.#root("another of ours")];
  }

  #root(which: RootName): Root {
    const root = this.#roots.get(which);
    if (root === undefined) throw new RangeError(`no CA is ${which}`);
    return root;
  }

  #rootOf({ root }: ChainPlan, parties: readonly Party[]): Party | Root {
    return root === "itself" ? at(parties, 0) : this.#root(root);
  }

  async #party({ pinned }: ChainPlan, { key, names }: DescribedCertificate, index: number, id: number): Promise<Party> {
    const name = subjectOf(index === 0 ? names.commonNames : [`issuer ${id}.${index}`]);
    return { name, keys: await this.#keys.of(key, pinned ? "pinned" : String(index % 3)), kind: key };
  }

  async #sign(described: DescribedCertificate, subject: Party, issuer: Party): Promise<x509.X509Certificate> {
    const signing = await signer(issuer.keys, issuer.kind, described.hash);
    const serial = (this.#serial++).toString(16).padStart(8, "0");
    const { name, keys } = issuer;
    return encode(described, subject, { name, publicKey: keys.publicKey, ...signing }, serial);
  }

  /** A foreign CA may have signed the last one, too. */
  async #sent(plan: ChainPlan, certificates: readonly x509.X509Certificate[], parties: readonly Party[]) {
    if (plan.sent === "leaf") return certificates.slice(0, 1);
    if (plan.sent === "with root" && plan.root !== "itself")
      return [...certificates, this.#root(plan.root).certificate];
    if (plan.crossed === "no" || plan.crossed === "ours") return certificates;
    const top = certificates.length - 1;
    const theirs = await this.#sign(at(plan.certificates, top), at(parties, top), this.#root("foreign"));
    const below = certificates.slice(0, top);
    if (plan.crossed === "foreign") return [...below, theirs];
    return plan.crossed === "ours first" ? [...certificates, theirs] : [...below, theirs, at(certificates, top)];
  }
}

function isRoot(party: Party | Root): party is Root {
  return "certificate" in party;
}

/** A revocation list of `issuer`, good for `lasts` milliseconds more. */
async function list(issuer: Party, revoked: readonly string[], lasts: number): Promise<string> {
  const now = Date.now();
  const signing = await signer(issuer.keys, issuer.kind, "SHA-256");
  const made = await x509.X509CrlGenerator.create({
    issuer: issuer.name,
    thisUpdate: new Date(now - 3 * DAY),
    nextUpdate: new Date(now + lasts),
    entries: revoked.map((serialNumber) => ({
      serialNumber,
      revocationDate: new Date(now - DAY),
      reason: x509.X509CrlReason.keyCompromise,
    })),
    extensions: [await x509.AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey)],
    signingKey: signing.key,
    signingAlgorithm: signing.algorithm,
  });
  return `${x509.PemConverter.encode(made.rawData, "X509 CRL")}\n`;
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`there is no item ${index}`);
  return item;
}
