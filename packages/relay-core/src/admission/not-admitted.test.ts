/** Who is not admitted: what it hears, and what the log says of it. */
import { once } from "node:events";
import { connect as dialTcp } from "node:net";
import { createAuthority } from "@serverless-relay/pki";
import { Refusal } from "@serverless-relay/protocol";
import { connectHead, readAll, until } from "@serverless-relay/testkit";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { functionIdentity, makeCertificates } from "../relay.test-support.ts";
import { AdmissionBed } from "./admission.test-support.ts";
import type { AdmissionLimits } from "./admission.ts";
import { Dropped } from "./drops.ts";
import type { Credentials } from "./tls-server.ts";

type Self = Awaited<ReturnType<typeof functionIdentity>>;

const ASKING = connectHead("f2:443");
const RAW = connectHead("f2:443", { "Relay-Transport": "raw" });
/** So short that a test may wait for it. */
const SHORT_MS = 60;

let credentials: Credentials;
let f1: Self;
let stranger: Self;
let nameless: Self;
let bed: AdmissionBed;

beforeAll(async () => {
  const { authority, relay } = await makeCertificates();
  credentials = { cert: relay.certPem, key: relay.keyPem, ca: authority.certPem };
  f1 = await functionIdentity(authority, "f1");
  const foreign = await createAuthority({ commonName: "test" });
  stranger = { ...(await functionIdentity(foreign, "f1")), ca: authority.certPem };
  const wildcard = await authority.issue({ commonName: "f1", dnsNames: ["*.f1"], usages: ["clientAuth"] });
  nameless = { cert: wildcard.certPem, key: wildcard.keyPem, ca: authority.certPem };
});
beforeEach(async () => {
  bed = await new AdmissionBed(credentials).open();
});
afterEach(() => bed.close());

async function within(limits: Partial<AdmissionLimits>): Promise<void> {
  bed.close();
  bed = await new AdmissionBed(credentials, limits).open();
}

/** What is reported of a connection that was not admitted: of this one alone, once, and thrown as well. */
async function expectReported(event: "refused" | "dropped", reason: string, seen: object): Promise<void> {
  const connection = expect.stringMatching(/^[0-9a-f]{16}$/) as string;
  const durationMs = expect.any(Number) as number;
  const address = expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string;
  const more = event === "refused" ? { peer: null } : {};
  expect(await bed.report()).toEqual({ event, reason, names: [], ...more, connection, durationMs, address, ...seen });
  expect(bed.thrown).toEqual([expect.objectContaining({ reason })]);
  expect([bed.events.length, bed.admitted]).toEqual([1, []]);
}

function deny(error: Error): void {
  bed.authorize = () => {
    throw error;
  };
}

async function ask(request: string, self: Parameters<AdmissionBed["dial"]>[0] = f1): Promise<string> {
  const client = await bed.dial(self);
  client.request(request);
  return await client.answer();
}

describe("whoever is refused hears why, and the log has", () => {
  it("who it is and whom it asked for, and the limit, which is none of its business", async () => {
    deny(new Refusal("quota_exceeded", { limit: "parkedPerRoute", retryAfter: 3 }));
    const answer = await ask(ASKING);
    expect(answer).toMatch(/^HTTP\/1\.1 429 .*; reason=quota_exceeded\r\nRetry-After: 3\r\n/s);
    expect(answer).not.toContain("parkedPerRoute");
    await expectReported("refused", "quota_exceeded", { names: ["f1"], peer: "f2", limit: "parkedPerRoute" });
    expect(bed.gate.size).toBe(1); // it is on its way still, until it has gone
  });

  it("what the TLS library said, where it is about that, and no name that nobody vouches for", async () => {
    deny(new Refusal("certificate_unknown_issuer"));
    expect(await ask(ASKING, stranger)).toContain("; reason=certificate_unknown_issuer\r\n");
    const detail = expect.stringMatching(/^[A-Z]+_/) as string;
    await expectReported("refused", "certificate_unknown_issuer", { peer: "f2", detail });
  });

  it("nothing of the TLS library's, where the certificate is refused for what the relay looks at", async () => {
    expect(await ask(ASKING, nameless)).toContain("; reason=certificate_without_name\r\n");
    await expectReported("refused", "certificate_without_name", {});
  });

  it("nothing of the TLS library's, where a stranger is refused for something else", async () => {
    deny(new Refusal("draining"));
    expect(await ask(ASKING, stranger)).toContain("; reason=draining\r\n");
    await expectReported("refused", "draining", { peer: "f2" });
  });

  it("no peer, where the request is none", async () => {
    expect(await ask("GET / HTTP/1.1\r\n\r\n")).toMatch(/^HTTP\/1\.1 405 /);
    await expectReported("refused", "method_not_allowed", { names: ["f1"] });
  });

  it("that it was the relay's own fault, where nobody foresaw it", async () => {
    deny(new TypeError("a fault of the relay"));
    const answer = await ask(ASKING);
    expect(answer).toMatch(/^HTTP\/1\.1 500 /);
    expect(answer).not.toContain("a fault of the relay");
    await expectReported("refused", "internal_error", { names: ["f1"], peer: "f2" });
  });

  it("that no request came in time", async () => {
    await within({ requestTimeoutMs: SHORT_MS });
    expect(await ask("CONNECT f2:443 HT")).toMatch(/^HTTP\/1\.1 408 /);
    await expectReported("refused", "request_timeout", { names: [] });
  });

  it("that its request was cut short by its own close_notify", async () => {
    const client = await bed.dial(f1);
    client.tls.end("CONNECT f2:443 HT");
    expect(await client.answer()).toMatch(/^HTTP\/1\.1 400 .*; reason=request_malformed\r\n/s);
    await expectReported("refused", "request_malformed", { names: ["f1"] });
  });
});

it("behind a bare listener a refusal is no words, as there is no HTTP to say them in, but an orderly end", async () => {
  bed.protocol = "bare";
  deny(new Refusal("full", { limit: "sessions" }));
  const client = await bed.dial(f1);
  expect(await client.answer()).toBe("");
  await expectReported("refused", "full", { names: ["f1"], limit: "sessions" });
});

it("whoever nobody vouches for may still be taken, if authorized by its key; else its certificate is what it hears of", async () => {
  let flaw: unknown;
  bed.authorize = (_identity, found) => {
    flaw = found;
    return "by its key";
  };
  (await bed.dial(stranger)).request(ASKING);
  expect((await bed.someone()).identity?.names).toEqual(["f1"]);
  expect(flaw).toBe("certificate_unknown_issuer");
  expect(await ask("GET / HTTP/1.1\r\n\r\n", stranger)).toContain("; reason=certificate_unknown_issuer\r\n");
});

describe("whoever goes away before it is admitted is gone:", () => {
  it.each([
    ["with a FIN before any TLS", (socket: ReturnType<typeof dialTcp>) => socket.end()],
    ["with a FIN within the handshake", (socket: ReturnType<typeof dialTcp>) => socket.end(Buffer.from([22, 3, 1, 2]))],
    ["with a reset", (socket: ReturnType<typeof dialTcp>) => socket.resetAndDestroy()],
  ])("%s", async (_how, leave) => {
    const socket = dialTcp({ port: bed.port, host: "127.0.0.1", allowHalfOpen: true });
    await once(socket, "connect");
    await until("it is accepted", () => bed.accepted.length === 1);
    leave(socket);
    await expectReported("dropped", "client_gone", { detail: "client_gone" });
    socket.destroy();
  });

  it("with close_notify behind the handshake, and without having asked", async () => {
    const client = await bed.dial(f1);
    client.tls.end();
    await expectReported("dropped", "client_gone", { detail: "it ended before it had asked" });
  });

  it("with a reset behind the handshake", async () => {
    const client = await bed.dial(f1);
    client.socket.resetAndDestroy();
    await expectReported("dropped", "client_gone", { detail: expect.any(String) as string });
  });

  it("with a FIN in place of its close_notify, having asked for raw", async () => {
    const client = await bed.dial(f1);
    client.request(RAW);
    expect(await client.answer()).toBe("");
    client.socket.end();
    await expectReported("dropped", "client_gone", { names: ["f1"], detail: expect.any(String) as string });
  });
});

describe("whoever is no longer waited for is dropped:", () => {
  it("for its handshake", async () => {
    await within({ handshakeTimeoutMs: SHORT_MS });
    const socket = dialTcp(bed.port, "127.0.0.1");
    await readAll(socket);
    await expectReported("dropped", "handshake_timeout", { detail: "handshake_timeout" });
  });

  it("for its close_notify", async () => {
    await within({ detachTimeoutMs: SHORT_MS });
    const client = await bed.dial(f1);
    client.request(RAW);
    await expectReported("dropped", "detach_timeout", { names: ["f1"], detail: "detach_timeout" });
    await until("the connection has ended", () => client.socket.readableEnded || client.socket.destroyed);
  });
});

describe("whoever sends something else is dropped:", () => {
  it("in place of a handshake", async () => {
    const socket = dialTcp(bed.port, "127.0.0.1");
    socket.write("GET / HTTP/1.0\r\n\r\n");
    await readAll(socket);
    await expectReported("dropped", "handshake_failed", { detail: expect.stringMatching(/SSL|http/i) as string });
  });

  it("right behind its request for raw", async () => {
    const client = await bed.dial(f1);
    client.request(`${RAW}more`);
    await expectReported("dropped", "detach_violated", { names: ["f1"], detail: "detach_violated" });
  });

  it("later, in place of its close_notify: bytes", async () => {
    const client = await bed.dial(f1);
    client.request(RAW);
    await until("it is authorized", () => bed.gate.size === 0 && bed.accepted.length === 1);
    client.tls.write("more");
    await expectReported("dropped", "detach_violated", { names: ["f1"], detail: "detach_violated" });
  });

  it("later, in place of its close_notify: no TLS", async () => {
    const client = await bed.dial(f1);
    client.request(RAW);
    await client.answer();
    client.socket.write("this is no TLS at all");
    const detail = expect.stringContaining("SSL") as string;
    await expectReported("dropped", "detach_violated", { names: ["f1"], detail });
  });
});

describe("whoever has to make room is dropped for that,", () => {
  const crowded = () => new Dropped("too_many_handshakes", { limit: "handshakes", detail: "it made room" });
  const reported = { limit: "handshakes", detail: "it made room" };

  it("in its handshake", async () => {
    const socket = dialTcp(bed.port, "127.0.0.1");
    const { place } = await until("it is accepted", () => bed.accepted[0]);
    place.onCrowdedOut(crowded());
    await readAll(socket);
    await expectReported("dropped", "too_many_handshakes", reported);
  });

  it("before its request", async () => {
    const client = await bed.dial(f1);
    bed.accepted[0]?.place.onCrowdedOut(crowded());
    await expectReported("dropped", "too_many_handshakes", reported);
    await until("the connection has ended", () => client.socket.readableEnded || client.socket.destroyed);
  });
});

it("whoever is dropped by whom it was put before hears nothing", async () => {
  deny(new Dropped("not_of_this_route"));
  const client = await bed.dial(f1);
  client.request(ASKING);
  await expectReported("dropped", "not_of_this_route", { names: ["f1"], detail: "not_of_this_route" });
  await until("the connection has ended", () => client.socket.readableEnded || client.socket.destroyed);
  expect(client.tls.bytesRead).toBe(0);
});
