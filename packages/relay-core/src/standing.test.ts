import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { type Authority, createAuthority } from "@serverless-relay/pki";
import { type ClientCredentials, connectHead, End, OuterClient, refusalReason } from "@serverless-relay/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CertificatePolicy, Credentials } from "./index.ts";
import {
  functionIdentity,
  makeCertificates,
  startRelay,
  type TestCertificates,
  type TestRelay,
} from "./relay.test-support.ts";

let certificates: TestCertificates;
let f1: Required<ClientCredentials>;
let f2: Required<ClientCredentials>;
let bed: TestRelay;

const END: CertificatePolicy = { onRevoked: "end", onExpired: "end" };
const KEEP: CertificatePolicy = { onRevoked: "keep", onExpired: "keep" };

beforeEach(async () => {
  certificates = await makeCertificates();
  f1 = await functionIdentity(certificates.authority, "f1");
  f2 = await functionIdentity(certificates.authority, "f2");
  bed = await startRelay(certificates);
});

afterEach(() => bed.close());

/** The relay's own, trusting `authority`, and with these revoked, as a CRL and as node:crypto would have it. */
async function credentials(
  revoked: readonly ClientCredentials[] = [],
  authority: Authority = certificates.authority,
): Promise<Credentials> {
  const { certPem, keyPem } = certificates.relay;
  const entries = revoked.map(({ cert = "" }) => ({ certPem: cert }));
  const serials = new Set(entries.map((entry) => new X509Certificate(entry.certPem).serialNumber));
  return {
    cert: certPem,
    key: keyPem,
    ca: authority.certPem,
    crl: await authority.crl({ revoked: entries }),
    isRevoked: ({ serialNumber }) => serials.has(serialNumber),
  };
}

async function park(self: ClientCredentials, peer: string, transport: "raw" | "tls" = "raw"): Promise<End> {
  const before = bed.relay.parked().length;
  const end = await End[transport](bed.port, self, `${peer}:443`);
  await expect.poll(() => bed.relay.parked().length).toBe(before + 1);
  return end;
}

async function meet(): Promise<[End, End]> {
  const ends: [End, End] = [await park(f1, "f2"), await End.raw(bed.port, f2, "f1:443")];
  for (const end of ends) await end.paired();
  return ends;
}

async function reasonThatEnds(end: End): Promise<string | undefined> {
  const reason = refusalReason(await end.rest());
  end.destroy();
  return reason;
}

describe("when a certificate is revoked", () => {
  it("its parked connections are refused with the reason, in either transport, and the others stay", async () => {
    const gone = [await park(f1, "f2"), await park(f1, "f2", "tls")];
    const other = await functionIdentity(certificates.authority, "f1"); // the same name, and another certificate
    const stays = await park(other, "f2");
    const review = await bed.relay.setCredentials(await credentials([f1]), END);
    expect(review).toEqual({ refused: 2, ended: 0 });
    for (const end of gone) expect(await reasonThatEnds(end)).toBe("certificate_revoked");
    expect(bed.relay.parked()).toHaveLength(1);
    expect(bed.events.filter(({ event }) => event === "refused")).toMatchObject([
      { reason: "certificate_revoked", names: ["f1"] },
      { reason: "certificate_revoked", names: ["f1"] },
    ]);
    const late = await OuterClient.dial(bed.port, f2);
    late.request(connectHead("f1:443"));
    await stays.paired();
    stays.destroy();
    late.destroy();
  });

  it("its session is ended, and it is said for whose sake; under the policy keep it runs on", async () => {
    const [one, other] = await meet();
    expect(await bed.relay.setCredentials(await credentials([f2]), KEEP)).toEqual({ refused: 0, ended: 0 });
    one.stream.write("still here");
    expect(await heard(other)).toBe("still here");
    const broken = Promise.all([one.broken(), other.broken()]);
    expect(await bed.relay.setCredentials(await credentials([f2]), END)).toEqual({ refused: 0, ended: 1 });
    await broken;
    await expect
      .poll(() => bed.events.at(-1))
      .toMatchObject({ event: "ended", reason: "certificate_revoked", by: "f2", names: ["f1", "f2"] });
  });

  it("a client that is between its handshake and its request does not slip through", async () => {
    const client = await OuterClient.dial(bed.port, f1);
    await bed.relay.setCredentials(await credentials([f1]), END);
    client.request(connectHead("f2:443"));
    expect(refusalReason(await client.answer())).toBe("certificate_revoked");
    client.destroy();
  });

  it("nor does one that is being detached", async () => {
    const client = await OuterClient.dial(bed.port, f1);
    client.request(connectHead("f2:443", { "Relay-Transport": "raw" }));
    expect(await client.answer()).toBe(""); // the relay's close_notify: authorized, but not parked yet
    await bed.relay.setCredentials(await credentials([f1]), END);
    client.socket.write(await client.flight(""));
    const bare = await client.bare();
    let answer = "";
    for await (const chunk of bare) answer += String(chunk);
    expect(refusalReason(answer)).toBe("certificate_revoked");
    client.destroy();
  });

  it("it is never paired while the others are still being judged", async () => {
    const many = await Promise.all(Array.from({ length: 30 }, () => functionIdentity(certificates.authority, "f1")));
    const parked = await Promise.all(many.map((self) => End.raw(bed.port, self, "f2:443")));
    await expect.poll(() => bed.relay.parked().length).toBe(many.length);
    const slow = await credentials(many);
    const isRevoked: Credentials["isRevoked"] = (certificate) => {
      const until = performance.now() + 10; // longer than a review may hold up anything else
      while (performance.now() < until);
      return slow.isRevoked?.(certificate) === true;
    };
    const arriving = OuterClient.dial(bed.port, f2);
    const review = bed.relay.setCredentials({ ...slow, isRevoked }, END);
    const late = await arriving;
    late.request(connectHead("f1:443", { Prefer: "wait=0" }));
    expect(refusalReason(await late.answer())).toMatch(/^peer_/);
    expect((await review).refused).toBeLessThanOrEqual(many.length);
    for (const end of parked) expect(await reasonThatEnds(end)).toBe("certificate_revoked");
    expect(bed.events.some(({ event }) => event === "paired")).toBe(false);
    late.destroy();
  });
});

describe("when a CA is taken away", () => {
  it("parked clients and sessions of its certificates are ended; with the CA among others they stay", async () => {
    const [one, other] = await meet();
    const waiting = await park(f1, "f2");
    const newCa = await createAuthority({ commonName: "test" });
    const both = await credentials();
    const crl = [await certificates.authority.crl({ revoked: [] }), await newCa.crl({ revoked: [] })];
    const review = await bed.relay.setCredentials({ ...both, ca: newCa.certPem + String(both.ca), crl }, END);
    expect(review).toEqual({ refused: 0, ended: 0 });
    const broken = Promise.all([one.broken(), other.broken()]);
    expect(await bed.relay.setCredentials(await credentials([], newCa), END)).toEqual({ refused: 1, ended: 1 });
    expect(await reasonThatEnds(waiting)).toBe("certificate_unknown_issuer");
    await broken;
    await expect.poll(() => bed.events.some(({ event }) => event === "ended")).toBe(true);
    expect(bed.events.find(({ event }) => event === "ended")).toMatchObject({
      reason: "certificate_unknown_issuer",
      by: "f1",
    });
  });
});

describe("when a certificate runs out", () => {
  async function shortLived(name: string): Promise<Required<ClientCredentials>> {
    const { authority } = certificates;
    const notAfter = new Date(Date.now() + 3_000); // whole seconds: between two and three from now
    const { certPem, keyPem } = await authority.issueFunction({ names: [name], notAfter });
    return { cert: certPem, key: keyPem, ca: authority.certPem };
  }

  it("who is parked with it is refused, and a session ends if the policy says so", async () => {
    await bed.relay.setCredentials(await credentials(), END);
    f2 = await shortLived("f2");
    const ends = await meet();
    const broken = Promise.all(ends.map((end) => end.broken()));
    const waiting = await park(f2, "f1");
    expect(await reasonThatEnds(waiting)).toBe("certificate_expired");
    await broken;
    await expect.poll(() => bed.events.filter(({ event }) => event === "ended")).toHaveLength(1);
    expect(bed.events.find(({ event }) => event === "ended")).toMatchObject({
      reason: "certificate_expired",
      by: "f2",
    });
  });

  it("a session runs on by default", async () => {
    f2 = await shortLived("f2");
    const [one, other] = await meet();
    const waiting = await park(f2, "f1");
    expect(await reasonThatEnds(waiting)).toBe("certificate_expired"); // by then it has run out
    one.stream.write("still here");
    expect(await heard(other)).toBe("still here");
    one.destroy();
    other.destroy();
  });
});

it("credentials that are not usable are refused at once, and change nothing", async () => {
  const usable = await credentials();
  expect(() => bed.relay.setCredentials({ ...usable, cert: "nonsense" }, END)).toThrow();
  expect(() =>
    bed.relay.setCredentials({ ...usable, ca: "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----" }, END),
  ).toThrow();
  const [one, other] = await meet();
  one.destroy();
  other.destroy();
});

async function heard(end: End): Promise<string> {
  const first = once(end.stream, "data");
  end.stream.resume();
  const [chunk] = (await first) as [Buffer];
  return chunk.toString();
}
