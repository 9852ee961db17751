import { once } from "node:events";
import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Refusal } from "@serverless-relay/protocol";
import { readAll, until } from "@serverless-relay/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import type { Requested } from "./entry.ts";
import { createConnectParser } from "./http-parser.ts";
import { connection } from "./loopback.test-support.ts";

const HEAD_SIZE = 8_192;

let parser: Server;
let accepted: Socket;
let caller: Socket;
let found: { stream: Duplex; requested: Requested }[];

beforeEach(async () => {
  found = [];
  parser = createConnectParser(HEAD_SIZE, (stream, requested) => found.push({ stream, requested }));
  ({ accepted, caller } = await connection());
});

/** What the parser makes of the only request of this connection. */
async function read(request: string): Promise<Requested> {
  parser.emit("connection", accepted);
  caller.write(request);
  const { stream, requested } = await until("the request is read", () => found[0]);
  expect(stream).toBe(accepted);
  return requested;
}

async function accept(request: string) {
  const requested = await read(request);
  if (requested instanceof Refusal) throw requested;
  return requested;
}

async function expectRefused(request: string, reason: string): Promise<void> {
  expect(await read(request)).toMatchObject({ name: "Refusal", reason });
}

/** Whatever has been written to the caller when whoever asked for the parser ends the connection with `words`. */
async function heard(words: string): Promise<string> {
  accepted.end(words);
  return (await readAll(caller)).toString();
}

describe("a CONNECT request", () => {
  it("is handed over with its target, its fields, and whatever came right behind", async () => {
    const { message, head } = await accept("CONNECT f2:443 HTTP/1.1\r\nHost: f2\r\nRelay-As: f1\r\n\r\nmore bytes");
    expect(message).toMatchObject({ url: "f2:443", headers: { host: "f2", "relay-as": "f1" } });
    expect(head.toString()).toBe("more bytes");
  });

  it("is answered by nobody but whoever asked for it, and only once", async () => {
    await accept("CONNECT f2:443 HTTP/1.1\r\n\r\n");
    caller.end("CONNECT f3:443 HTTP/1.1\r\n\r\n");
    expect((await readAll(accepted)).toString()).toBe("CONNECT f3:443 HTTP/1.1\r\n\r\n");
    expect(await heard("the answer")).toBe("the answer");
    expect(found).toHaveLength(1);
  });

  it("needs no Host field, nor HTTP/1.1", async () => {
    const { message } = await accept("CONNECT f2:443 HTTP/1.0\r\n\r\n");
    expect(message.url).toBe("f2:443");
  });

  it("may come in pieces", async () => {
    parser.emit("connection", accepted);
    for (const piece of ["CONN", "ECT f2:443 HTTP/1.1\r", "\n\r"]) {
      const arrived = accepted.bytesRead + piece.length;
      caller.write(piece);
      await until("the piece is there", () => accepted.bytesRead === arrived);
    }
    expect(found).toEqual([]);
    caller.write("\n");
    await until("the request is read", () => found.length === 1);
  });

  it("may have as many fields as its head has room for, and none of them is left out", async () => {
    const fields = Array.from({ length: 1_500 }, () => "a:b\r\n").join("");
    const { message } = await accept(`CONNECT f2:443 HTTP/1.1\r\n${fields}Relay-As: f1\r\n\r\n`);
    expect(message.headers["relay-as"]).toBe("f1");
  });
});

describe("whatever else comes is refused,", () => {
  it.each([
    ["another method", "GET / HTTP/1.1\r\nHost: f2\r\n\r\n"],
    ["another method that waits to be told to go on", "PUT / HTTP/1.1\r\nHost: f2\r\nExpect: 100-continue\r\n\r\n"],
    ["another method that expects something else", "PUT / HTTP/1.1\r\nHost: f2\r\nExpect: a miracle\r\n\r\n"],
    ["another method without a Host field", "GET / HTTP/1.1\r\n\r\n"],
  ])("with nothing written to it: %s", async (_what, request) => {
    await expectRefused(request, "method_not_allowed");
    expect(await heard("")).toBe("");
  });

  it.each([
    ["no HTTP", "\x00\x01\x02 nonsense\r\n\r\n"],
    ["a field that is none", "CONNECT f2:443 HTTP/1.1\r\nno field\r\n\r\n"],
    ["HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["CONNECT of HTTP/2", "CONNECT f2:443 HTTP/2.0\r\n\r\n"],
    ["CONNECT of HTTP/0.9", "CONNECT f2:443 HTTP/0.9\r\n\r\n"],
  ])("with nothing written to it: %s", async (_what, request) => {
    await expectRefused(request, "request_malformed");
    expect(await heard("")).toBe("");
  });

  it("a head that is larger than it may be", async () => {
    await expectRefused(`CONNECT f2:443 HTTP/1.1\r\nPadding: ${"x".repeat(HEAD_SIZE)}\r\n\r\n`, "head_too_large");
  });
});

describe("whoever ends its direction is still told why it is refused, and that it has ended is heard of:", () => {
  it.each([
    ["behind its request", "GET / HTTP/1.1\r\nHost: f2\r\n\r\n", "method_not_allowed"],
    ["within its request", "CONNECT f2:443 HT", "request_malformed"],
    ["behind a CONNECT that is none", "CONNECT f2:443 HTTP/2.0\r\n\r\n", "request_malformed"],
  ])("%s", async (_where, request, reason) => {
    const ended = once(accepted, "end");
    parser.emit("connection", accepted);
    caller.end(request);
    const { requested } = await until("the request is read", () => found[0]);
    expect(requested).toMatchObject({ reason });
    accepted.resume();
    await ended;
    await new Promise(setImmediate); // Node's own listener would end the connection now
    expect(await heard("the answer")).toBe("the answer");
  });
});
