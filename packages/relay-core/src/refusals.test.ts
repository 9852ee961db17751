import { once } from "node:events";
import { connect as dialTcp } from "node:net";
import { createAuthority, createSelfSigned, openAuthority } from "@serverless-relay/pki";
import { type ClientCredentials, connectHead, OuterClient } from "@serverless-relay/testkit";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  functionIdentity,
  makeCertificates,
  startRelay,
  type TestCertificates,
  type TestRelay,
} from "./relay.test-support.ts";

const DAY = 86_400_000;
const inDays = (days: number) => new Date(Date.now() + days * DAY);

let certificates: TestCertificates;
let good: Required<ClientCredentials>;
let bed: TestRelay;

beforeAll(async () => {
  const { authority, relay } = await makeCertificates();
  const revoked = await issue({ names: ["revoked"] });
  certificates = { authority, relay, crl: await authority.crl({ revoked: [{ certPem: revoked.cert }] }) };
  good = await functionIdentity(authority, "f1");
  callers.revoked = revoked;

  async function issue(fields: { names: string[]; notBefore?: Date; notAfter?: Date }) {
    const { certPem, keyPem } = await authority.issueFunction(fields);
    return { cert: certPem, key: keyPem, ca: authority.certPem };
  }
  const foreign = await createAuthority({ commonName: "test" });
  const foreignF1 = await foreign.issueFunction({ names: ["f1"] });
  const selfSigned = await createSelfSigned("f1");
  const serverOnly = await authority.issue({ commonName: "f1", dnsNames: ["f1"], usages: ["serverAuth"] });
  const wildcard = await authority.issue({ commonName: "f1", dnsNames: ["*.f1"], usages: ["clientAuth"] });
  const wide = await authority.issueFunction({ names: ["f1", "f1-too"] });
  const middle = await authority.issue({ commonName: "middle", ca: true, notAfter: inDays(-1), notBefore: inDays(-9) });
  const underExpired = await (await openAuthority(middle.certPem, middle.keyPem)).issueFunction({
    names: ["f1"],
    notAfter: inDays(9),
  });
  Object.assign(callers, {
    none: { ca: authority.certPem },
    expired: await issue({ names: ["f1"], notBefore: inDays(-9), notAfter: inDays(-1) }),
    "not yet valid": await issue({ names: ["f1"], notBefore: inDays(1), notAfter: inDays(9) }),
    "foreign CA": { cert: foreignF1.certPem, key: foreignF1.keyPem, ca: authority.certPem },
    "foreign CA, sent along": {
      cert: foreignF1.certPem + foreign.certPem,
      key: foreignF1.keyPem,
      ca: authority.certPem,
    },
    "self-signed": { cert: selfSigned.certPem, key: selfSigned.keyPem, ca: authority.certPem },
    "server only": { cert: serverOnly.certPem, key: serverOnly.keyPem, ca: authority.certPem },
    "under an expired CA": {
      cert: underExpired.certPem + middle.certPem,
      key: underExpired.keyPem,
      ca: authority.certPem,
    },
    "wildcard only": { cert: wildcard.certPem, key: wildcard.keyPem, ca: authority.certPem },
    "another function": await issue({ names: ["f9"] }),
    "two names": { cert: wide.certPem, key: wide.keyPem, ca: authority.certPem },
  });
});

const callers: Record<string, ClientCredentials> = {};

beforeEach(async () => {
  bed = await startRelay(certificates, { limits: { requestTimeoutMs: 200, headSize: 2048 } });
});

afterEach(() => bed.close());

/** Sends `request` inside TLS and returns the whole answer. */
async function ask(credentials: ClientCredentials, request: string): Promise<string> {
  const client = await OuterClient.dial(bed.port, credentials);
  client.request(request);
  const answer = await client.answer();
  client.destroy();
  return answer;
}

function expectRefusal(answer: string, status: number, reason: string): void {
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(answer).toMatch(new RegExp(`\r\nProxy-Status: relayd; error=[a-z_]+; reason=${reason}\r\n`));
  expect(answer).toMatch(new RegExp(`\r\n\r\n${reason}: .+\n$`));
  expect(bed.events).toEqual([expect.objectContaining({ event: "refused", reason })]);
}

describe("a caller is refused, with the reason in the answer and in the log,", () => {
  it.each([
    ["none", "certificate_missing"],
    ["expired", "certificate_expired"],
    ["not yet valid", "certificate_not_yet_valid"],
    ["foreign CA", "certificate_unknown_issuer"],
    ["foreign CA, sent along", "certificate_unknown_issuer"],
    ["self-signed", "certificate_unknown_issuer"],
    ["server only", "certificate_wrong_usage"],
    ["under an expired CA", "certificate_expired"],
    ["revoked", "certificate_revoked"],
    ["wildcard only", "certificate_without_name"],
    ["another function", "no_route"],
  ])("for its certificate: %s", async (caller, reason) => {
    const credentials = callers[caller];
    if (credentials === undefined) throw new Error(`no certificate for ${caller}`);
    expectRefusal(await ask(credentials, connectHead("f2:443")), 403, reason);
  });

  it("and pipelining makes no difference", async () => {
    const client = await OuterClient.dial(bed.port, callers.expired ?? good);
    client.socket.write(await client.flight(connectHead("f2:443", { "Relay-Transport": "raw" })));
    client.socket.write("first inner bytes, which nobody will get");
    const chunks: Buffer[] = [];
    client.tls.on("data", (chunk: Buffer) => chunks.push(chunk));
    await once(client.tls, "end");
    client.destroy();
    expectRefusal(Buffer.concat(chunks).toString(), 403, "certificate_expired");
  });

  it.each([
    ["no port", connectHead("f2"), 400, "target_invalid"],
    ["port 0", connectHead("f2:0"), 400, "target_invalid"],
    ["a target that is no name", connectHead("*.example:443"), 400, "target_invalid"],
    ["an unknown transport", connectHead("f2:443", { "Relay-Transport": "udp" }), 400, "field_invalid"],
    ["an unknown role", connectHead("f2:443", { "Relay-Role": "boss" }), 400, "field_invalid"],
    ["a channel that is no token", connectHead("f2:443", { "Relay-Channel": "a b" }), 400, "field_invalid"],
    ["a wait that is no number", connectHead("f2:443", { Prefer: "wait=soon" }), 400, "field_invalid"],
    ["a name that it does not bear", connectHead("f2:443", { "Relay-As": "f2" }), 400, "as_not_certified"],
    ["content", connectHead("f2:443", { "Content-Length": "5" }), 400, "request_malformed"],
    ["chunked content", connectHead("f2:443", { "Transfer-Encoding": "chunked" }), 400, "request_malformed"],
    ["no HTTP", "\x00\x01\x02 nonsense\r\n\r\n", 400, "request_malformed"],
    ["a huge head", connectHead("f2:443", { Padding: "x".repeat(4096) }), 431, "head_too_large"],
    ["another method", "GET / HTTP/1.1\r\nHost: f2\r\n\r\n", 405, "method_not_allowed"],
    ["expectations", "PUT / HTTP/1.1\r\nHost: f2\r\nExpect: 100-continue\r\n\r\n", 405, "method_not_allowed"],
    ["no request in time", "CONNECT f2:443 HT", 408, "request_timeout"],
    ["an unknown peer", connectHead("nobody:443"), 403, "no_route"],
  ])("for its request: %s", async (_what, request, status, reason) => {
    expectRefusal(await ask(good, request), status, reason);
  });

  it("for nobody coming in the time that it gave", async () => {
    const answer = await ask(good, connectHead("f2:443", { Prefer: "wait=0" }));
    expect(answer).toMatch(/^HTTP\/1\.1 504 /);
    expect(bed.events.at(-1)).toMatchObject({ event: "refused", reason: "peer_timeout" });
  });

  it("for having two names that fit, until it says which it means", async () => {
    bed.relay.routes.set({ f1: "f1-too", f2: "f2" });
    const twice = callers["two names"] ?? good;
    const { events } = bed;
    expectRefusal(await ask(twice, connectHead("f2:443")), 400, "as_required");
    const answer = await ask(twice, connectHead("f2:443", { "Relay-As": "f1-too", Prefer: "wait=0" }));
    expect(answer).toMatch(/^HTTP\/1\.1 504 /);
    expect(events.at(-1)).toMatchObject({ names: ["f1-too"] });
  });
});

it("an unknown peer and a forbidden one answer the same bytes", async () => {
  bed.relay.routes.set({ f1: "f7", f2: "f8" });
  const unknown = await ask(good, connectHead("nobody:443"));
  const forbidden = await ask(good, connectHead("f8:443"));
  expect(forbidden).toBe(unknown);
});

it("a session is not resumed: a certificate is checked anew each time", async () => {
  const first = await OuterClient.dial(bed.port, good);
  const session = once(first.tls, "session");
  const [ticket] = (await session) as [Buffer];
  first.destroy();
  const again = await OuterClient.dial(bed.port, good, { session: ticket } as object);
  expect(again.tls.isSessionReused()).toBe(false);
  again.destroy();
});

it("whoever sends something else than close_notify after asking for raw is dropped", async () => {
  const client = await OuterClient.dial(bed.port, good);
  client.request(`${connectHead("f2:443", { "Relay-Transport": "raw" })}more`);
  await expect
    .poll(() => bed.events)
    .toEqual([expect.objectContaining({ event: "dropped", reason: "detach_violated" })]);
  await expect.poll(() => client.socket.readableEnded || client.socket.destroyed).toBe(true);
  client.destroy();
});

it("garbage instead of a handshake ends that connection alone", async () => {
  const socket = dialTcp(bed.port, "127.0.0.1");
  socket.write("GET / HTTP/1.0\r\n\r\n");
  socket.resume();
  await once(socket, "close");
  expect(bed.events).toEqual([expect.objectContaining({ event: "dropped", reason: "handshake_failed" })]);
  bed.events.length = 0;
  expectRefusal(await ask(good, connectHead("nobody:443")), 403, "no_route");
});
