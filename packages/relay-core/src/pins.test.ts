import { createHash, X509Certificate } from "node:crypto";
import { createSelfSigned } from "@serverless-relay/pki";
import { type ClientCredentials, connectHead, End, OuterClient, refusalReason } from "@serverless-relay/testkit";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Route } from "./index.ts";
import {
  functionIdentity,
  makeCertificates,
  startRelay,
  type TestCertificates,
  type TestRelay,
} from "./relay.test-support.ts";

let certificates: TestCertificates;
let certified: Record<"f1" | "f2", Required<ClientCredentials>>;
let selfSigned: Required<ClientCredentials>;
let bed: TestRelay;

beforeAll(async () => {
  certificates = await makeCertificates();
  const { authority } = certificates;
  certified = { f1: await functionIdentity(authority, "f1"), f2: await functionIdentity(authority, "f2") };
  selfSigned = await selfSign("f1");
});

beforeEach(async () => {
  bed = await startRelay(certificates);
});

afterEach(() => bed.close());

async function selfSign(name: string): Promise<Required<ClientCredentials>> {
  const { certPem, keyPem } = await createSelfSigned(name);
  return { cert: certPem, key: keyPem, ca: certificates.authority.certPem };
}

/** As `openssl x509 -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum` has it. */
function pin({ cert }: Required<ClientCredentials>): string {
  const spki = new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" });
  return `sha256:${createHash("sha256").update(spki).digest("hex")}`;
}

function pinned(pins: NonNullable<Route["options"]>["pins"]): void {
  bed.relay.routes.set({ f1: "f1", f2: "f2", options: { pins } });
}

async function ask(self: ClientCredentials, target = "f2:443", fields: Record<string, string> = {}): Promise<string> {
  const client = await OuterClient.dial(bed.port, self);
  client.request(connectHead(target, { Prefer: "wait=0", ...fields }));
  const answer = await client.answer();
  client.destroy();
  return answer;
}

const refusal = async (self: ClientCredentials, target?: string) => refusalReason(await ask(self, target));

describe("an end that is pinned", () => {
  it("is taken by a self-signed certificate with a pinned key, and paired", async () => {
    pinned({ f1: [pin(certified.f2), pin(selfSigned)] });
    const one = await End.raw(bed.port, selfSigned, "f2:443");
    const other = await End.raw(bed.port, certified.f2, "f1:443");
    expect(await one.paired()).toMatchObject({ fields: { "relay-peer": "f2" } });
    expect(await other.paired()).toMatchObject({ fields: { "relay-peer": "f1" } });
    expect(bed.events).toContainEqual(expect.objectContaining({ event: "admitted", name: "f1" }));
    one.destroy();
    other.destroy();
  });

  it("is taken by a verified certificate with a pinned key, and by no other", async () => {
    pinned({ f1: [pin(certified.f1)] });
    expect(await refusal(certified.f1)).toBe("peer_timeout");
    const another = await functionIdentity(certificates.authority, "f1");
    expect(await ask(another)).toBe(await ask(another, "nobody:443"));
    expect(await refusal(another)).toBe("no_route");
  });

  it("is not taken by another name of a pinned key", async () => {
    const f9 = await selfSign("f9");
    pinned({ f1: [pin(f9)] });
    expect(await refusal(f9)).toBe("certificate_unknown_issuer");
  });

  it("says nothing of itself to a self-signed certificate with another key", async () => {
    pinned({ f1: [pin(certified.f1)] });
    const answer = await ask(selfSigned);
    expect(refusalReason(answer)).toBe("certificate_unknown_issuer");
    expect(await ask(selfSigned, "nobody:443")).toBe(answer);
    expect(await ask(selfSigned, "no-port")).toBe(answer);
    expect(await ask(selfSigned, "f2:443", { "Relay-As": "f7" })).toBe(answer);
    await bed.relay.drain(0);
    expect(await ask(selfSigned)).toBe(answer);
    expect(bed.events.filter(({ event }) => event === "refused")).not.toContainEqual(
      expect.objectContaining({ names: ["f1"] }),
    );
  });

  it("is not taken by a certificate that has run out", async () => {
    const expired = await createSelfSigned("f1", {
      notBefore: new Date(Date.now() - 9 * 86_400_000),
      notAfter: new Date(Date.now() - 86_400_000),
    });
    const self = { cert: expired.certPem, key: expired.keyPem, ca: certificates.authority.certPem };
    pinned({ f1: [pin(self)] });
    expect(await refusal(self)).toBe("certificate_expired");
  });

  it("stays with who was admitted by its key when the CAs change", async () => {
    pinned({ f1: [pin(certified.f1)] });
    const waiting = await End.raw(bed.port, certified.f1, "f2:443");
    await expect.poll(() => bed.relay.parked().length).toBe(1);
    const { authority } = await makeCertificates();
    const { certPem, keyPem } = certificates.relay;
    const fresh = { cert: certPem, key: keyPem, ca: authority.certPem };
    expect(await bed.relay.setCredentials(fresh, { onRevoked: "end", onExpired: "end" })).toEqual({
      refused: 0,
      ended: 0,
    });
    waiting.destroy();
    await expect.poll(() => bed.relay.parked().length).toBe(0);
  });
});

describe("a route that is replaced while clients are parked on it", () => {
  it("keeps those who may take the new one as well, and they are paired by it", async () => {
    const waiting = await End.raw(bed.port, certified.f1, "f2:443");
    await expect.poll(() => bed.relay.parked().length).toBe(1);
    const route: Route = { f1: "f1", f2: "f2", options: { pins: { f1: [pin(certified.f1)] } } };
    expect(await bed.relay.replaceRoute(route)).toBe(0);
    const other = await End.raw(bed.port, certified.f2, "f1:443");
    await Promise.all([waiting.paired(), other.paired()]);
    waiting.destroy();
    other.destroy();
  });

  it.each([
    ["pinned to another key", { f1: "f1", f2: "f2", options: { pins: { f1: [`sha256:${"0".repeat(64)}`] } } }],
    ["the other way round", { f1: "f2", f2: "f1" }],
  ])("refuses them where it is %s", async (_how, route) => {
    const waiting = await End.raw(bed.port, certified.f1, "f2:443");
    await expect.poll(() => bed.relay.parked().length).toBe(1);
    expect(await bed.relay.replaceRoute(route)).toBe(1);
    expect(refusalReason(await waiting.rest())).toBe("no_route");
    waiting.destroy();
  });
});

it("an end that is not pinned needs a verified certificate, whatever its peer's end is pinned to", async () => {
  pinned({ f2: [pin(selfSigned)] });
  expect(await refusal(selfSigned)).toBe("certificate_unknown_issuer");
  expect(await refusal(certified.f1)).toBe("peer_timeout");
});

it("either end's keys take an {f, f} route", async () => {
  bed.relay.routes.set({ f1: "f1", f2: "f1", options: { pins: { f1: [pin(certified.f1)], f2: [pin(selfSigned)] } } });
  const one = await End.raw(bed.port, selfSigned, "f1:443");
  const other = await End.raw(bed.port, certified.f1, "f1:443");
  await one.paired();
  await other.paired();
  one.destroy();
  other.destroy();
});

it("behind a bare listener, the key decides as well", async () => {
  await bed.close();
  const route: Route = { f1: "f1", f2: "f2", options: { pins: { f1: [pin(selfSigned)] } } };
  bed = await startRelay(certificates, { entrance: { protocol: "bare", route } });
  const taken = await OuterClient.dial(bed.port, selfSigned);
  await expect.poll(() => bed.relay.parked().map(({ name }) => name)).toEqual(["f1"]);
  const another = await OuterClient.dial(bed.port, certified.f1);
  expect(await another.answer()).toBe("");
  expect(bed.events.at(-1)).toMatchObject({ event: "dropped", reason: "not_of_this_route" });
  taken.destroy();
  another.destroy();
});
