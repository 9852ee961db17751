import { X509Certificate } from "node:crypto";
import { type DescribedCertificate, soundIssuer } from "@serverless-relay/protocol-model";
import { Issuing } from "@serverless-relay/testkit/chains";
import { beforeAll, describe, expect, it } from "vitest";
import { flawOfUnvouched } from "./unvouched.ts";

const NOW = Date.now() - (Date.now() % 1_000);

let issuing: Issuing;

beforeAll(async () => {
  issuing = await Issuing.begin(soundIssuer(NOW));
});

/** Signed by its own key, good for clients but for what is said of it. */
async function selfSigned(different: Partial<DescribedCertificate>): Promise<X509Certificate> {
  const sound = { ...soundIssuer(NOW), isCa: false, usages: ["digitalSignature"], extendedUsages: ["clientAuth"] };
  const plan = { flaw: "none", anchored: false, lists: "none", root: "itself", sent: "leaf", crossed: "no" } as const;
  const certificates = [{ ...sound, ...different }];
  return new X509Certificate((await issuing.issue({ ...plan, certificates, pinned: false }, 0)).cert);
}

const flawOf = async (different: Partial<DescribedCertificate>) => flawOfUnvouched(await selfSigned(different), NOW);

describe("a certificate that nobody vouches for has no flaw besides", () => {
  it.each<[string, Partial<DescribedCertificate>]>([
    ["where it is for clients, and signs", {}],
    ["where it is for clients and more", { extendedUsages: ["serverAuth", "clientAuth"] }],
    ["where it is for nothing in particular", { extendedUsages: null, usages: null }],
    ["where its key signs, and more", { usages: ["keyEncipherment", "digitalSignature"] }],
    ["where its key agrees on keys", { usages: ["keyAgreement"] }],
    ["where it is a CA as well", { isCa: true, usages: ["digitalSignature", "keyCertSign"] }],
    ["from its first second on", { notBefore: NOW }],
    ["until its last one", { notAfter: NOW }],
  ])("%s", async (_where, different) => {
    expect(await flawOf(different)).toBeNull();
  });
});

describe("a certificate that nobody vouches for has a flaw that no pin makes good:", () => {
  it.each<[string, Partial<DescribedCertificate>]>([
    ["certificate_expired", { notAfter: NOW - 1_000 }],
    ["certificate_not_yet_valid", { notBefore: NOW + 1_000 }],
    ["certificate_invalid", { oddity: true }],
    ["certificate_invalid", { permits: ["example.org"] }],
    ["certificate_wrong_usage", { extendedUsages: ["serverAuth"] }],
    ["certificate_wrong_usage", { extendedUsages: ["any"] }],
    ["certificate_wrong_usage", { usages: ["keyEncipherment"] }],
    ["certificate_wrong_usage", { isCa: true, usages: ["keyCertSign", "cRLSign"] }],
  ])("%s, of one with %j", async (flaw, different) => {
    expect(await flawOf(different)).toBe(flaw);
  });

  it("the one that time alone brings, where there are several", async () => {
    const wrong = { oddity: true, usages: ["keyEncipherment"] };
    expect(await flawOf({ ...wrong, notAfter: NOW - 1_000 })).toBe("certificate_expired");
    expect(await flawOf({ ...wrong, notBefore: NOW + 1_000 })).toBe("certificate_not_yet_valid");
    expect(await flawOf(wrong)).toBe("certificate_invalid");
  });
});
