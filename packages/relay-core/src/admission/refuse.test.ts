import { once } from "node:events";
import type { TLSSocket } from "node:tls";
import { createAuthority } from "@serverless-relay/pki";
import type { RecordStream } from "@serverless-relay/protocol";
import { type OuterClient, readAll } from "@serverless-relay/testkit";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { secured } from "./loopback.test-support.ts";
import { refuseInTls } from "./refuse.ts";
import { createTlsServer } from "./tls-server.ts";

const WORDS = "no, and this is why\n";
const LINGER_MS = 2_000;

let server: ReturnType<typeof createTlsServer>;
let ca: string;
let client: OuterClient;
let records: RecordStream;
let tls: TLSSocket;

beforeAll(async () => {
  const authority = await createAuthority({ commonName: "test" });
  const { certPem, keyPem } = await authority.issueRelay({ hosts: ["localhost"] });
  ca = authority.certPem;
  server = createTlsServer({ cert: certPem, key: keyPem, ca });
});

beforeEach(async () => {
  ({ client, records, tls } = await secured(server, { ca }));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }); // the time that it may take is the test's
});

afterEach(() => {
  vi.useRealTimers();
  client.destroy();
  records.destroy();
});

function refuse(): void {
  refuseInTls(tls, records, Buffer.from(WORDS));
}

const closed = () => new Promise<void>((resolve) => records.once("close", () => resolve()));

it("whoever is refused reads the words and that nothing follows, and the connection closes as soon as it has closed", async () => {
  const gone = closed();
  refuse();
  expect(await client.answer()).toBe(WORDS);
  client.socket.end();
  await gone;
  expect(records.socket.destroyed).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

it("whoever is refused may have nothing said to it but that it is over", async () => {
  refuseInTls(tls, records, Buffer.alloc(0));
  expect(await client.answer()).toBe("");
});

it("whoever does not close its side is cut off after a while, and not before it could", async () => {
  const gone = closed();
  refuse();
  expect(await client.answer()).toBe(WORDS);
  vi.advanceTimersByTime(LINGER_MS - 1);
  expect(records.destroyed).toBe(false);
  vi.advanceTimersByTime(1);
  await gone;
  expect(records.socket.destroyed).toBe(true);
});

it("what still comes is read, so that it is no reset, and reaches nobody", async () => {
  const heard: Buffer[] = [];
  tls.on("data", (chunk: Buffer) => heard.push(chunk));
  tls.pause();
  const much = Buffer.alloc(4 << 20, "x");
  client.tls.write(much.subarray(0, much.length / 2));
  refuse();
  client.tls.write(much.subarray(much.length / 2));
  const answered = client.answer();
  const ended = once(tls, "end");
  client.tls.end();
  await ended;
  expect(await answered).toBe(WORDS);
  expect(heard).toEqual([]);
  expect(records.socket.bytesRead).toBeGreaterThan(much.length);
});

it("what comes behind its close_notify is read, too, so that it is heard that it has closed", async () => {
  const gone = closed();
  client.socket.end(Buffer.concat([await client.flight(""), Buffer.alloc(1 << 20, "bytes of no session")]));
  refuse();
  expect((await client.bare().then(readAll)).length).toBe(0);
  await gone;
  expect(vi.getTimerCount()).toBe(0);
});

it("whoever sends what is no TLS, now, harms nobody", async () => {
  const failed = once(tls, "error");
  refuse();
  client.socket.write("this is no TLS at all");
  expect((await failed)[0]).toBeInstanceOf(Error);
});
