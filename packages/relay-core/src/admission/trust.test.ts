import { X509Certificate } from "node:crypto";
import { type Authority, createAuthority, createSelfSigned, openAuthority } from "@serverless-relay/pki";
import { beforeAll, describe, expect, it } from "vitest";
import { Identities, Identity } from "./identity.ts";
import { type Chain, Trust } from "./trust.ts";

const DAY = 86_400_000;
const now = Date.now();
const inDays = (days: number) => new Date(now + days * DAY);

let root: Authority;
let otherRoot: Authority;
let middle: Authority;
let direct: Chain;
let viaMiddle: Chain;

const read = (pem: string) => new X509Certificate(pem);
const leafOf = async (issuer: Authority, name = "f1") =>
  read((await issuer.issueFunction({ names: [name], notAfter: inDays(9) })).certPem);

beforeAll(async () => {
  root = await createAuthority({ commonName: "root" });
  otherRoot = await createAuthority({ commonName: "root" }); // the name alone makes no CA
  const issued = await root.issue({ commonName: "middle", ca: true });
  middle = await openAuthority(issued.certPem, issued.keyPem);
  direct = { leaf: await leafOf(root), intermediates: [] };
  viaMiddle = { leaf: await leafOf(middle), intermediates: [read(middle.certPem)] };
});

/** Trusts these, and nobody whose certificate is among `revoked`. */
function trustIn(authorities: readonly Authority[], ...revoked: X509Certificate[]): Trust {
  const gone = new Set(revoked.map(({ fingerprint256 }) => fingerprint256));
  return new Trust({
    ca: authorities.map(({ certPem }) => certPem).join(""),
    isRevoked: ({ fingerprint256 }) => gone.has(fingerprint256),
  });
}

describe("a certificate that was admitted is good", () => {
  it("while its CA is there, directly or through an intermediate that came along", () => {
    expect(trustIn([root]).judge(direct, now)).toBeNull();
    expect(trustIn([root]).judge(viaMiddle, now)).toBeNull();
    expect(trustIn([otherRoot, root]).judge(direct, now)).toBeNull();
  });

  it("through an intermediate that the relay has itself", () => {
    expect(trustIn([root, middle]).judge({ ...viaMiddle, intermediates: [] }, now)).toBeNull();
  });
});

describe("a certificate that was admitted is no longer good", () => {
  it("once its CA is gone, another of the same name included", () => {
    expect(trustIn([]).judge(direct, now)).toBe("certificate_unknown_issuer");
    expect(trustIn([otherRoot]).judge(direct, now)).toBe("certificate_unknown_issuer");
    expect(trustIn([otherRoot]).judge(viaMiddle, now)).toBe("certificate_unknown_issuer");
  });

  it("where only an intermediate is left, as in a handshake", () => {
    expect(trustIn([middle]).judge(viaMiddle, now)).toBe("certificate_unknown_issuer");
  });

  it("once it is revoked, or its intermediate is, whether the signatures are looked at or not", () => {
    for (const signaturesHold of [false, true]) {
      expect(trustIn([root], direct.leaf).judge(direct, now, signaturesHold)).toBe("certificate_revoked");
      expect(trustIn([root], ...viaMiddle.intermediates).judge(viaMiddle, now, signaturesHold)).toBe(
        "certificate_revoked",
      );
      expect(trustIn([root], direct.leaf).judge(viaMiddle, now, signaturesHold)).toBeNull();
    }
  });

  it("once it, or its CA, has run out", async () => {
    expect(trustIn([root]).judge(direct, inDays(10).getTime())).toBe("certificate_expired");
    expect(trustIn([root]).judge(direct, inDays(8).getTime())).toBeNull();
    const shortLived = await createAuthority({ commonName: "short", notAfter: inDays(1) });
    const leaf = await leafOf(shortLived);
    expect(trustIn([shortLived]).judge({ leaf, intermediates: [] }, inDays(2).getTime())).toBe("certificate_expired");
  });

  it("before its time, which no handshake would have let in", async () => {
    const leaf = read((await root.issueFunction({ names: ["f1"], notBefore: inDays(1), notAfter: inDays(9) })).certPem);
    expect(trustIn([root]).judge({ leaf, intermediates: [] }, now)).toBe("certificate_unknown_issuer");
    expect(trustIn([root]).judge({ leaf, intermediates: [] }, leaf.validFromDate.getTime())).toBeNull();
    expect(trustIn([root]).judge({ leaf, intermediates: [] }, leaf.validToDate.getTime())).toBeNull();
  });

  it("where an intermediate that came along is no CA, or leads in a circle", async () => {
    const { certPem } = await otherRoot.issueFunction({ names: ["middle"] });
    const through = [read(certPem), read(otherRoot.certPem)];
    expect(trustIn([root]).judge({ leaf: viaMiddle.leaf, intermediates: through }, now)).toBe(
      "certificate_unknown_issuer",
    );
    const all = [...viaMiddle.intermediates, read(root.certPem)];
    expect(trustIn([otherRoot]).judge({ leaf: viaMiddle.leaf, intermediates: all }, now)).toBe(
      "certificate_unknown_issuer",
    );
    expect(trustIn([root]).judge({ leaf: viaMiddle.leaf, intermediates: all }, now)).toBeNull();
  });

  it("where of two ways to a CA one is revoked, by the other", async () => {
    const again = await root.issue({ commonName: "middle", ca: true });
    const twice = [...viaMiddle.intermediates, read(again.certPem)];
    const both = { leaf: viaMiddle.leaf, intermediates: twice };
    expect(trustIn([root], read(again.certPem)).judge(both, now)).toBeNull();
    expect(trustIn([root], ...viaMiddle.intermediates).judge(both, now)).toBe("certificate_revoked");
  });

  it("where the signature is not its issuer's, whatever else names the issuer", () => {
    const der = Buffer.from(direct.leaf.raw);
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    const forged = new X509Certificate(der);
    expect(trustIn([root]).namesIssuerOf(forged)).toBe(true);
    expect(trustIn([root]).issued(forged)).toBe(false);
    expect(trustIn([root]).judge({ leaf: forged, intermediates: [] }, now)).toBe("certificate_unknown_issuer");
  });

  it("where what it says is its issuer is no CA", async () => {
    const { certPem, keyPem } = await createSelfSigned("f1");
    expect(keyPem).not.toBe("");
    expect(trustIn([root]).judge({ leaf: read(certPem), intermediates: [] }, now)).toBe("certificate_unknown_issuer");
  });
});

it("two trusts have the same CAs in whatever order these are", () => {
  expect(trustIn([root, otherRoot]).hasAuthoritiesOf(trustIn([otherRoot, root]))).toBe(true);
  expect(trustIn([root]).hasAuthoritiesOf(trustIn([otherRoot]))).toBe(false);
  expect(trustIn([root]).hasAuthoritiesOf(trustIn([root, otherRoot]))).toBe(false);
});

it("nobody is revoked where nothing says so", () => {
  expect(new Trust({ ca: root.certPem }).judge(direct, now)).toBeNull();
});

it("an issuer is known by its name and key, and a signature is another matter", () => {
  const trust = trustIn([otherRoot, root]);
  expect([trust.namesIssuerOf(direct.leaf), trust.issued(direct.leaf)]).toEqual([true, true]);
  expect([trust.namesIssuerOf(viaMiddle.leaf), trust.issued(viaMiddle.leaf)]).toEqual([false, false]);
  expect(trustIn([otherRoot]).issued(direct.leaf)).toBe(false);
});

describe("an identity", () => {
  it("is one for all connections with the same certificate, and another for another", async () => {
    const trust = trustIn([root]);
    const identities = new Identities();
    const make = (leaf: X509Certificate) => identities.shared(new Identity(leaf, [], trust, null), trust);
    const first = make(direct.leaf);
    expect(make(read(direct.leaf.toString()))).toBe(first);
    expect(make(await leafOf(root))).not.toBe(first);
  });

  it("is judged anew when the trust has changed, and only then", () => {
    const identity = new Identity(direct.leaf, [], trustIn([root]), null);
    let asked = 0;
    const counting = new Trust({
      ca: root.certPem,
      isRevoked: () => {
        asked++;
        return true;
      },
    });
    expect(identity.flawUnder(counting)).toBe("certificate_revoked");
    expect(identity.flawUnder(counting)).toBe("certificate_revoked");
    expect(asked).toBe(1);
    expect(identity.flawUnder(trustIn([otherRoot]))).toBe("certificate_unknown_issuer");
    expect(identity.flawUnder(trustIn([root]))).toBeNull();
  });

  it("knows its names, its end, and the SHA-256 of its public key as openssl gives it", () => {
    const { leaf, intermediates } = viaMiddle;
    const identity = new Identity(leaf, intermediates, trustIn([root]), null);
    expect(identity.names).toEqual(["f1"]);
    expect(identity.notAfter).toBe(leaf.validToDate.getTime());
    expect(identity.key).toMatch(/^sha256:[0-9a-f]{64}$/);
    const fingerprint = leaf.fingerprint256.replaceAll(":", "").toLowerCase();
    expect(identity.fingerprint).toBe(`sha256:${fingerprint}`);
  });

  it.each<[string, Parameters<Authority["issue"]>[0], string[]]>([
    ["its URI, where it has one", { dnsNames: ["f1"], uris: ["spiffe://example.org/f1"] }, ["spiffe://example.org/f1"]],
    ["no SPIFFE ID of two, and nothing beside them", { dnsNames: ["f1"], uris: ["spiffe://a/1", "spiffe://a/2"] }, []],
    ["each URI, where none is a SPIFFE ID", { uris: ["https://a/1", "https://a/2"] }, ["https://a/1", "https://a/2"]],
    ["its DNS names, and no address", { dnsNames: ["f1", "f2"], ips: ["127.0.0.1"] }, ["f1", "f2"]],
    ["no common name beside an address", { commonName: "f1", ips: ["127.0.0.1"] }, []],
    ["its common name, where it has nothing else", { commonName: "f1" }, ["f1"]],
    ["nothing, where it has no common name either", {}, []],
    ["nothing that is no name of a function", { dnsNames: ["*.example.org", "f1"] }, ["f1"]],
  ])("bears %s", async (_, fields, names) => {
    const leaf = read((await root.issue(fields)).certPem);
    expect(new Identity(leaf, [], trustIn([root]), null).names).toEqual(names);
  });

  it("is another where other intermediates came along, or the one that is held has been revoked", async () => {
    const trust = trustIn([root]);
    const identities = new Identities();
    const make = (intermediates: readonly X509Certificate[], judge = trust) =>
      identities.shared(new Identity(viaMiddle.leaf, intermediates, judge, null), judge);
    const stranger = read(otherRoot.certPem);
    const first = make(viaMiddle.intermediates);
    expect(make(viaMiddle.intermediates)).toBe(first);
    const further = make([...viaMiddle.intermediates, stranger]);
    expect(further).not.toBe(first);
    expect(further.intermediates).toHaveLength(2);
    const other = make([stranger, ...viaMiddle.intermediates]);
    expect(other).not.toBe(further);
    // Whoever shows the same certificate once more has been verified anew.
    expect(other.flawUnder(trustIn([root], viaMiddle.leaf))).toBe("certificate_revoked");
    expect(make([stranger, ...viaMiddle.intermediates], trustIn([root], viaMiddle.leaf))).not.toBe(other);
  });

  it("is judged by the CAs that there are now, whoever vouched for it before", () => {
    const vouched = new Identity(direct.leaf, [], trustIn([root]), null);
    const unknown = new Identity(direct.leaf, [], trustIn([otherRoot]), "certificate_unknown_issuer");
    expect(vouched.flawUnder(trustIn([otherRoot, root]))).toBeNull();
    expect(vouched.flawUnder(trustIn([otherRoot]))).toBe("certificate_unknown_issuer");
    expect(unknown.flawUnder(trustIn([root]))).toBeNull();
  });
});
