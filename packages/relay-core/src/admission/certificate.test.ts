/** What the relay makes of a client's certificate once the handshake is done. Chains of all kinds are in chains.test.ts. */
import { X509Certificate } from "node:crypto";
import { type Authority, createAuthority, createSelfSigned, openAuthority } from "@serverless-relay/pki";
import { type DescribedCertificate, soundIssuer } from "@serverless-relay/protocol-model";
import { Issuing } from "@serverless-relay/testkit/chains";
import { beforeAll, describe, expect, it } from "vitest";
import { verifyCertificate } from "./certificate.ts";
import type { Identity } from "./identity.ts";
import { secured } from "./loopback.test-support.ts";
import { type Credentials, createTlsServer } from "./tls-server.ts";
import { Trust } from "./trust.ts";

interface Pems {
  readonly certPem: string;
  readonly keyPem: string;
}

let root: Authority;
let middle: Authority;
let foreign: Authority;
let relay: { readonly cert: string; readonly key: string };

beforeAll(async () => {
  root = await createAuthority({ commonName: "root" });
  foreign = await createAuthority({ commonName: "stranger" });
  const issued = await root.issue({ commonName: "middle", ca: true });
  middle = await openAuthority(issued.certPem, issued.keyPem);
  const { certPem, keyPem } = await root.issueRelay({ hosts: ["localhost"] });
  relay = { cert: certPem, key: keyPem };
});

const f1Of = (issuer: Authority, notAfter?: Date) =>
  issuer.issueFunction({ names: ["f1"], ...(notAfter && { notAfter }) });

/** A client with these certificates, the leaf's first, shakes hands with a relay that has these CAs and lists. */
async function verify(
  self: Partial<Pems>,
  trusted: { ca?: string; crl?: Credentials["crl"] } = {},
  along = "",
): Promise<Identity> {
  const { ca = root.certPem, crl } = trusted;
  const credentials = { ...relay, ca, ...(crl !== undefined && { crl }) };
  const client = {
    ca: root.certPem,
    ...(self.certPem !== undefined && { cert: self.certPem + along }),
    ...(self.keyPem !== undefined && { key: self.keyPem }),
  };
  const { tls } = await secured(createTlsServer(credentials), client);
  return verifyCertificate(tls, new Trust(credentials));
}

async function expectRefused(verifying: Promise<Identity>, reason: string): Promise<void> {
  await expect(verifying).rejects.toMatchObject({ name: "Refusal", reason });
}

const textsOf = (...pems: string[]) => pems.map((pem) => new X509Certificate(pem).raw.toString("latin1"));

describe("whoever is vouched for", () => {
  it("is who its certificate says, without a flaw", async () => {
    const f1 = await f1Of(root);
    const identity = await verify(f1);
    expect(identity.names).toEqual(["f1"]);
    expect([identity.leaf]).toEqual(textsOf(f1.certPem));
    expect(identity.intermediates).toEqual([]);
    expect(identity.flawUnder(new Trust({ ca: foreign.certPem }))).toBe("certificate_unknown_issuer");
  });

  it("is known with the issuers that it brought along, which bound its time; the relay's own are not among them", async () => {
    const inAYear = new Date(Date.now() + 365 * 86_400_000 * 9);
    const identity = await verify(await f1Of(middle, inAYear), {}, middle.certPem + root.certPem);
    expect(identity.intermediates).toEqual(textsOf(middle.certPem));
    expect(identity.notAfter).toBe(new X509Certificate(middle.certPem).validToDate.getTime());
  });

  it("needs to bring nothing along that the relay has", async () => {
    const ca = root.certPem + middle.certPem;
    const f1 = await f1Of(middle);
    expect((await verify(f1, { ca })).intermediates).toEqual([]);
    expect((await verify(f1, { ca }, middle.certPem)).intermediates).toEqual([]);
  });

  it("is refused if its certificate bears no name that a function may have", async () => {
    const wildcard = await root.issue({ dnsNames: ["*.f1"], usages: ["clientAuth"] });
    await expectRefused(verify(wildcard), "certificate_without_name");
  });

  it("is refused if its name is a common name, and a CA of it bounds the names below", async () => {
    const now = Date.now();
    const issuing = await Issuing.begin(soundIssuer(now));
    const named = async (names: DescribedCertificate["names"], permits: string[] | null) => {
      const leaf = { ...soundIssuer(now), isCa: false, usages: ["digitalSignature"], extendedUsages: ["clientAuth"] };
      const plan = { flaw: "none", anchored: true, lists: "none", root: "ours", sent: "all", crossed: "no" } as const;
      const certificates = [
        { ...leaf, names },
        { ...soundIssuer(now), permits },
      ];
      const { cert, key } = await issuing.issue({ ...plan, certificates, pinned: false }, 0);
      return await verify({ certPem: cert, keyPem: key }, { ca: issuing.anchors });
    };
    const commonName = { san: null, commonNames: ["f1"] };
    const san = { san: { uris: [], dns: ["f1.example.org"] }, commonNames: [] };
    await expectRefused(named(commonName, ["example.org"]), "certificate_without_name");
    expect((await named(commonName, null)).names).toEqual(["f1"]);
    expect((await named(san, ["example.org"])).names).toEqual(["f1.example.org"]);
  });
});

describe("whoever is not vouched for", () => {
  it("is refused without a certificate", async () => {
    await expectRefused(verify({}), "certificate_missing");
  });

  it("is known all the same, with that flaw, as a route may have pinned its key", async () => {
    for (const [self, along] of [
      [await f1Of(foreign), ""],
      [await f1Of(foreign), foreign.certPem],
      [await f1Of(middle), ""],
      [await createSelfSigned("f1"), ""],
    ] as const) {
      const identity = await verify(self, {}, along);
      expect([identity.names, identity.intermediates]).toEqual([["f1"], []]);
      expect([identity.leaf]).toEqual(textsOf(self.certPem));
    }
  });

  it("is refused for a further flaw of its certificate, which no pin makes good", async () => {
    const past = new Date(Date.now() - 86_400_000);
    const expired = await createSelfSigned("f1", { notBefore: new Date(0), notAfter: past });
    await expectRefused(verify(expired), "certificate_expired");
    const forServers = await foreign.issue({ dnsNames: ["f1"], usages: ["serverAuth"] });
    await expectRefused(verify(forServers), "certificate_wrong_usage");
  });

  it("is a stranger to the relay's lists, which are no reason to refuse it", async () => {
    const crl = await root.crl({ revoked: [] });
    expect((await verify(await f1Of(foreign), { crl }, foreign.certPem)).names).toEqual(["f1"]);
    expect((await verify(await f1Of(foreign), { crl })).names).toEqual(["f1"]);
  });
});

describe("where the relay has lists of the revoked", () => {
  it("nobody of a CA gets in whose list is not there, or has run out", async () => {
    const ca = root.certPem + foreign.certPem;
    const crl = await root.crl({ revoked: [] });
    await expectRefused(verify(await f1Of(foreign), { ca, crl }), "certificate_not_checkable");
    const old = await root.crl({ revoked: [], thisUpdate: new Date(0), nextUpdate: new Date(Date.now() - 86_400_000) });
    await expectRefused(verify(await f1Of(root), { crl: old }), "certificate_not_checkable");
  });

  it("nobody gets in who is on one, and whoever is on none does", async () => {
    const f1 = await f1Of(root);
    const crl = await root.crl({ revoked: [{ certPem: f1.certPem }] });
    await expectRefused(verify(f1, { crl }), "certificate_revoked");
    expect((await verify(await f1Of(root), { crl })).names).toEqual(["f1"]);
  });
});
