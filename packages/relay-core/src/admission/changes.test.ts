/** Limits and credentials that change while connections are on their way in. */
import { X509Certificate } from "node:crypto";
import { type Authority, createAuthority } from "@serverless-relay/pki";
import { connectHead, until } from "@serverless-relay/testkit";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { functionIdentity, makeCertificates } from "../relay.test-support.ts";
import { AdmissionBed, LIMITS } from "./admission.test-support.ts";
import type { Credentials } from "./tls-server.ts";

type Self = Awaited<ReturnType<typeof functionIdentity>>;

const ASKING = connectHead("f2:443");
const PADDED = connectHead("f2:443", { Padding: "x".repeat(1_000) });

let authority: Authority;
let other: Authority;
let credentials: Credentials;
let f1: Self;
let bed: AdmissionBed;

beforeAll(async () => {
  const certificates = await makeCertificates();
  ({ authority } = certificates);
  other = await createAuthority({ commonName: "other" });
  credentials = { cert: certificates.relay.certPem, key: certificates.relay.keyPem, ca: authority.certPem };
  f1 = await functionIdentity(authority, "f1");
});
beforeEach(async () => {
  bed = await new AdmissionBed(credentials).open();
});
afterEach(() => bed.close());

async function ask(request: string, self = f1): Promise<string> {
  const client = await bed.dial(self);
  client.request(request);
  return await client.answer();
}

async function expectAdmitted(request: string, self = f1): Promise<void> {
  const before = bed.admitted.length;
  (await bed.dial(self)).request(request);
  await until("it is admitted", () => bed.admitted.length > before);
}

/** As a list has it on which there is nobody else. */
function revoking({ cert }: Self): (certificate: X509Certificate) => boolean {
  const { serialNumber } = new X509Certificate(cert);
  return (certificate) => certificate.serialNumber === serialNumber;
}

describe("other limits", () => {
  it("hold for the requests that come: of the size of their heads", async () => {
    await expectAdmitted(PADDED);
    bed.admission.setLimits({ ...LIMITS, headSize: 500 });
    expect(await ask(PADDED)).toMatch(/^HTTP\/1\.1 431 /);
    await expectAdmitted(ASKING);
    bed.admission.setLimits(LIMITS);
    await expectAdmitted(PADDED);
  });

  it("hold for the steps that begin: of the time that they may take", async () => {
    bed.admission.setLimits({ ...LIMITS, requestTimeoutMs: 1 });
    expect(await ask("CONNECT f2:443 HT")).toMatch(/^HTTP\/1\.1 408 /);
    bed.admission.setLimits(LIMITS);
    await expectAdmitted(ASKING);
  });
});

describe("other credentials", () => {
  it("hold for the handshakes that come", async () => {
    const stranger = { ...(await functionIdentity(other, "f1")), ca: authority.certPem };
    const vouched: boolean[] = [];
    bed.authorize = (_identity, flaw) => {
      vouched.push(flaw === null);
      return "granted";
    };
    await expectAdmitted(ASKING, stranger);
    bed.admission.setCredentials({ ...credentials, ca: authority.certPem + other.certPem });
    await expectAdmitted(ASKING, stranger);
    expect(vouched).toEqual([false, true]);
  });

  it("change nothing where they are not usable", async () => {
    expect(() => bed.admission.setCredentials({ ...credentials, key: "no key" })).toThrow();
    const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    expect(() => bed.admission.setCredentials({ ...credentials, ca: broken })).toThrow();
    await expectAdmitted(ASKING);
    const { identity } = await bed.someone();
    expect(identity && bed.admission.flawOf(identity)).toBeNull();
  });

  it("are what those are judged by who have shaken hands and not asked yet", async () => {
    const client = await bed.dial(f1);
    bed.admission.setCredentials({ ...credentials, isRevoked: revoking(f1) });
    client.request(ASKING);
    expect(await client.answer()).toContain("; reason=certificate_revoked\r\n");
    await until("it is reported", () => bed.events.length > 0);
    expect(bed.events).toEqual([expect.objectContaining({ reason: "certificate_revoked", names: [], peer: null })]);
    expect(bed.events[0]).not.toHaveProperty("detail"); // the TLS library had nothing against it
  });

  it("may have lost its CA by then, so that only its key can still speak for it", async () => {
    const flaws: unknown[] = [];
    bed.authorize = (_identity, flaw) => {
      flaws.push(flaw);
      return "by its key";
    };
    const client = await bed.dial(f1);
    bed.admission.setCredentials({ ...credentials, ca: other.certPem });
    client.request(ASKING);
    await bed.someone();
    expect(flaws).toEqual(["certificate_unknown_issuer"]);
  });

  it("are what those are judged by who are in already", async () => {
    await expectAdmitted(ASKING);
    const { identity } = await bed.someone();
    if (identity === null) throw new Error("it has a certificate");
    expect(bed.admission.flawOf(identity)).toBeNull();
    bed.admission.setCredentials({ ...credentials, ca: other.certPem });
    expect(bed.admission.flawOf(identity)).toBe("certificate_unknown_issuer");
    bed.admission.setCredentials({ ...credentials, isRevoked: revoking(f1) });
    expect(bed.admission.flawOf(identity)).toBe("certificate_revoked");
    bed.admission.setCredentials(credentials);
    expect(bed.admission.flawOf(identity)).toBeNull();
  });
});
