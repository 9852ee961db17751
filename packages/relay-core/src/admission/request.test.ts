/** What a request asks for, as PROTOCOL.md has it; the requests have been through Node's parser, as they are in admission. */
import type { IncomingMessage } from "node:http";
import { Refusal } from "@serverless-relay/protocol";
import { connectHead, until } from "@serverless-relay/testkit";
import { describe, expect, it } from "vitest";
import type { Requested } from "./entry.ts";
import { createConnectParser } from "./http-parser.ts";
import { connection } from "./loopback.test-support.ts";
import { understand } from "./request.ts";

async function parsed(request: string): Promise<{ message: IncomingMessage; head: Buffer }> {
  const { accepted, caller } = await connection();
  let requested: Requested | null = null;
  const parser = createConnectParser(16_384, (_stream, found) => {
    requested = found;
  });
  parser.emit("connection", accepted);
  caller.write(request);
  const found: Requested = await until("the request is read", () => requested);
  if (found instanceof Refusal) throw found;
  return found;
}

const read = async (request: string) => understand(await parsed(request), null).request;
const asking = (fields: Record<string, string>) => connectHead("f2:443", fields);

function expectRefused(requested: Requested, reason: string, flaw: Parameters<typeof understand>[1] = null): void {
  expect(() => understand(requested, flaw)).toThrow(expect.objectContaining({ name: "Refusal", reason }) as Error);
}

describe("a request", () => {
  it("that says nothing but its target stays in TLS, on the channel of its port", async () => {
    expect(await read(connectHead("f2:8080"))).toEqual({ peer: "f2", channel: "8080", transport: "tls" });
  });

  it("may say the rest, each in a field of its own", async () => {
    const fields = { "Relay-Transport": "raw", "Relay-Channel": "job-7", "Relay-As": "f1", "Relay-Role": "client" };
    expect(await read(asking({ ...fields, Prefer: "respond-async, wait=30" }))).toEqual({
      peer: "f2",
      channel: "job-7",
      transport: "raw",
      as: "f1",
      role: "client",
      wait: 30,
    });
  });

  it("may mean a peer whose name a target cannot hold as it is", async () => {
    const peer = "spiffe://example.org/f2";
    expect(await read(connectHead(`${encodeURIComponent(peer)}:443`))).toMatchObject({ peer });
  });

  it("may prefer what has nothing to do with waiting, and fields that are nobody's", async () => {
    expect(await read(asking({ Prefer: "handling=lenient", "Relay-Colour": "red" }))).toMatchObject({ peer: "f2" });
    expect((await read(asking({ Prefer: "handling=lenient" })))?.wait).toBeUndefined();
    expect((await read(asking({ Prefer: "wait=0" })))?.wait).toBe(0);
  });

  it("keeps what came right behind it", async () => {
    const requested = await parsed(`${connectHead("f2:443")}first bytes`);
    expect(understand(requested, null).head.toString()).toBe("first bytes");
  });
});

describe("a request is refused", () => {
  it.each([
    ["target_invalid", connectHead("f2:0")],
    ["target_invalid", connectHead("*.example:443")],
    ["request_malformed", asking({ "Content-Length": "5" })],
    ["request_malformed", asking({ "Content-Length": "0" })],
    ["request_malformed", asking({ "Transfer-Encoding": "chunked" })],
    ["field_invalid", asking({ "Relay-Transport": "udp" })],
    ["field_invalid", asking({ "Relay-Transport": "" })],
    ["field_invalid", asking({ "Relay-Channel": "two words" })],
    ["field_invalid", asking({ "Relay-As": "not/a/name" })],
    ["field_invalid", asking({ "Relay-Role": "both" })],
    ["field_invalid", asking({ Prefer: "wait=soon" })],
    ["field_invalid", "CONNECT f2:443 HTTP/1.1\r\nRelay-Role: client\r\nRelay-Role: client\r\n\r\n"],
  ])("with %s: %j", async (reason, request) => {
    expectRefused(await parsed(request), reason);
  });

  it("for what a reader would find first, where there is more", async () => {
    const all = { "Relay-Role": "both" };
    expectRefused(await parsed(connectHead("*:443", all)), "target_invalid");
    expectRefused(await parsed(connectHead("*:443", { ...all, "Content-Length": "5" })), "request_malformed");
  });

  it("for what the parser found, where that was no CONNECT", () => {
    expectRefused(new Refusal("method_not_allowed"), "method_not_allowed");
  });

  it("for the certificate first, where that has a flaw; where only that is wrong, its route decides", async () => {
    const flaw = "certificate_unknown_issuer";
    expectRefused(new Refusal("method_not_allowed"), flaw, flaw);
    expectRefused(await parsed(connectHead("*:443")), flaw, flaw);
    expect(understand(await parsed(connectHead("f2:443")), flaw).request).toMatchObject({ peer: "f2" });
  });
});

it("where no request is asked for, there is none, and nothing came behind it", () => {
  expect(understand(null, "certificate_unknown_issuer")).toEqual({ request: null, head: Buffer.alloc(0) });
});
