import { createAuthority, createSelfSigned, openAuthority } from "@serverless-relay/pki";
import {
  type ClientCredentials,
  connectHead,
  End,
  meet,
  OuterClient,
  park,
  RunningRelay,
  readAll,
  refusalReason,
} from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

const DAY = 86_400_000;
const inDays = (days: number) => new Date(Date.now() + days * DAY);
/** What a refused caller would like its peer to read. */
const SMUGGLED = "CONNECT f1:443 HTTP/1.1\r\n\r\nsmuggled";

let relay: RunningRelay;
const callers = new Map<string, ClientCredentials>();

beforeAll(async () => {
  relay = await RunningRelay.start({
    routes: [
      ["f1", "f2"],
      ["f3", "f4"],
    ],
  });
  const { authority } = relay;
  const ca = authority.certPem;
  const own = async (fields: { names: string[]; notBefore?: Date; notAfter?: Date }) => {
    const { certPem, keyPem } = await authority.issueFunction(fields);
    return { cert: certPem, key: keyPem, ca };
  };
  const foreign = await (await createAuthority({ commonName: "relay test" })).issueFunction({ names: ["f1"] });
  const selfSigned = await createSelfSigned("f1");
  const serverOnly = await authority.issue({ commonName: "f1", dnsNames: ["f1"], usages: ["serverAuth"] });
  const nameless = await authority.issue({ dnsNames: ["*.f1"], usages: ["clientAuth"] });
  const oldCa = await authority.issue({ commonName: "old", ca: true, notBefore: inDays(-9), notAfter: inDays(-1) });
  const underOldCa = await (await openAuthority(oldCa.certPem, oldCa.keyPem)).issueFunction({
    names: ["f1"],
    notAfter: inDays(9),
  });
  callers.set("no certificate", { ca });
  callers.set("an expired one", await own({ names: ["f1"], notBefore: inDays(-9), notAfter: inDays(-1) }));
  callers.set("one that is not yet valid", await own({ names: ["f1"], notBefore: inDays(1), notAfter: inDays(9) }));
  callers.set("one of a foreign CA", { cert: foreign.certPem, key: foreign.keyPem, ca });
  callers.set("a self-signed one", { cert: selfSigned.certPem, key: selfSigned.keyPem, ca });
  callers.set("one for servers only", { cert: serverOnly.certPem, key: serverOnly.keyPem, ca });
  callers.set("one that bears no name", { cert: nameless.certPem, key: nameless.keyPem, ca });
  callers.set("one under an expired CA", {
    cert: underOldCa.certPem + oldCa.certPem,
    key: underOldCa.keyPem,
    ca,
  });
  callers.set("another function's", await own({ names: ["f9"] }));
  callers.set("one of a function with another route", await own({ names: ["f3"] }));
  callers.set("that of the relay", {
    cert: await relay.read("relay.pem"),
    key: await relay.read("relay.key"),
    ca,
  });
});

afterAll(() => relay.finish());

/** The whole answer, asked for in transport tls: request, and words for the peer behind it. */
async function askInTls(
  caller: ClientCredentials,
  target: string,
  fields = {},
): Promise<{ answer: string; address: string }> {
  const end = await End.tls(relay.port, caller, target, fields, SMUGGLED);
  const answer = await end.rest();
  const { address } = end;
  end.destroy();
  return { answer, address };
}

/** The same in one flight of transport raw: request, close_notify, and bare words for the peer. */
async function askInRaw(caller: ClientCredentials, target: string): Promise<{ answer: string; address: string }> {
  const client = await OuterClient.dial(relay.port, caller);
  const flight = await client.flight(connectHead(target, { "Relay-Transport": "raw" }));
  client.socket.write(Buffer.concat([flight, Buffer.from(SMUGGLED)]));
  const answer = (await readAll(client.tls)).toString();
  const address = `127.0.0.1:${client.socket.localPort}`;
  client.destroy();
  return { answer, address };
}

const CASES = [
  ["no certificate", "certificate_missing"],
  ["an expired one", "certificate_expired"],
  ["one that is not yet valid", "certificate_not_yet_valid"],
  ["one of a foreign CA", "certificate_unknown_issuer"],
  ["a self-signed one", "certificate_unknown_issuer"],
  ["one for servers only", "certificate_wrong_usage"],
  ["that of the relay", "certificate_wrong_usage"],
  ["one that bears no name", "certificate_without_name"],
  ["one under an expired CA", "certificate_expired"],
  ["another function's", "no_route"],
  ["one of a function with another route", "no_route"],
] as const;

it("a caller with a wrong certificate gets 403 with the reason, the log says the same, and the peer hears nothing", async () => {
  const f2 = await relay.issue("f2");
  const waiting = { raw: await park(relay, f2, "f1"), tls: await park(relay, f2, "f1", { transport: "tls" }) };
  for (const [which, reason] of CASES) {
    const caller = callers.get(which);
    if (caller === undefined) throw new Error(`no caller with ${which}`);
    for (const askAs of [askInTls, askInRaw]) {
      const { answer, address } = await askAs(caller, "f2:443");
      expect(answer, which).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
      expect(refusalReason(answer), which).toBe(reason);
      expect(answer, which).toMatch(new RegExp(`\r\n\r\n${reason}: .+\n$`));
      expect(await relay.logged("refused", { address }), which).toMatchObject({ reason });
    }
  }
  // The first bytes that each peer gets are the head of the 200 that it gets with a caller who may meet it; then theirs.
  const f1 = await relay.issue("f1");
  for (const [index, end] of [waiting.raw, waiting.tls].entries()) {
    const caller = await End.raw(relay.port, f1, "f2:443", {}, `first to be heard, ${index}`);
    expect((await end.paired()).fields).toMatchObject({ "relay-peer": "f1" });
    await caller.paired();
    caller.stream.end();
    expect(await end.rest()).toBe(`first to be heard, ${index}`);
    end.stream.end();
    caller.destroy();
    end.destroy();
  }
});

it("an unknown peer and a forbidden one answer the same bytes", async () => {
  const f1 = await relay.issue("f1");
  const unknown = await askInTls(f1, "nobody:443");
  expect(refusalReason(unknown.answer)).toBe("no_route");
  // with a route to somebody else, parked there at the moment, and asked for on whatever channel
  const f4 = await park(relay, await relay.issue("f4"), "f3");
  for (const target of ["f4:443", "f3:7", "f1:443", "spiffe%3A%2F%2Fexample.org%2Ff4:443"]) {
    expect((await askInTls(f1, target)).answer).toBe(unknown.answer);
    expect((await askInRaw(f1, target)).answer).toBe(unknown.answer);
  }
  expect((await askInTls(f1, "f4:443", { "Relay-Channel": "job-1" })).answer).toBe(unknown.answer);
  f4.destroy();
});

it("what is no CONNECT of this protocol is refused with its own reason", async () => {
  const f1 = await relay.issue("f1");
  const cases = [
    ["GET / HTTP/1.1\r\nHost: f2\r\n\r\n", 405, "method_not_allowed"],
    [connectHead("f2"), 400, "target_invalid"],
    [connectHead("f2:443", { "Relay-Transport": "udp" }), 400, "field_invalid"],
    [connectHead("f2:443", { "Relay-As": "f2" }), 400, "as_not_certified"],
    [connectHead("f2:443", { "Content-Length": "5" }), 400, "request_malformed"],
    ["nonsense\r\n\r\n", 400, "request_malformed"],
    [connectHead("f2:443", { Padding: "x".repeat(20_000) }), 431, "head_too_large"],
  ] as const;
  for (const [request, status, reason] of cases) {
    const client = await OuterClient.dial(relay.port, f1);
    client.request(request);
    const answer = await client.answer();
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(refusalReason(answer)).toBe(reason);
    expect(await relay.logged("refused", { address: `127.0.0.1:${client.socket.localPort}` })).toMatchObject({
      reason,
    });
    client.destroy();
  }
});

it("a revoked certificate is refused, and others are not", async () => {
  const strict = await RunningRelay.prepare({ tls: "crl: crl.pem" });
  const revoked = await strict.issue("f1");
  await strict.write("crl.pem", await strict.authority.crl({ revoked: [{ certPem: revoked.cert }] }));
  await strict.boot();
  await strict.control.addRoute({ f1: "f1", f2: "f2" });
  await expect(End.raw(strict.port, revoked, "f2:443")).rejects.toThrow("; reason=certificate_revoked\r\n");
  await strict.logged("refused", { reason: "certificate_revoked" });
  const { ends } = await meet(strict, await strict.issue("f1"), await strict.issue("f2"));
  for (const end of ends) end.destroy();
  await strict.quiet();
  await strict.stop();
});
