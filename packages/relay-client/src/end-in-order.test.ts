import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Certificates, makeCertificates } from "./certificates.test-support.ts";
import { type FakeRelay, pairing, startFakeRelay } from "./fake-relay.test-support.ts";
import { connect } from "./index.ts";

let certificates: Certificates;
let relay: FakeRelay;

beforeAll(async () => {
  certificates = await makeCertificates();
  relay = await startFakeRelay(certificates.relay, pairing());
});
afterAll(() => relay.close());

async function meet(allowHalfOpen = false): Promise<[TLSSocket, TLSSocket]> {
  const common = { relay: `127.0.0.1:${relay.port}`, timeout: 4_000, allowHalfOpen };
  const [one, other] = await Promise.all([
    connect({ ...common, peer: "f2", identity: certificates.f1 }),
    connect({ ...common, peer: "f1", identity: certificates.f2 }),
  ]);
  return [one.socket, other.socket];
}

/** What each of the two has read when it is closed; rejects with what went wrong. */
async function all(...sockets: readonly TLSSocket[]): Promise<string[]> {
  const closed = sockets.map(async (socket) => once(socket, "close"));
  const read = await Promise.all(sockets.map(text));
  await Promise.all(closed);
  return read;
}

describe("two that read one another to the end", () => {
  // It is a matter of who is a moment later; without the SDK's doing about one in ten fails.
  it("both end in order, whoever ends first, and nothing is lost", async () => {
    for (let round = 0; round < 20; round++) {
      const [one, other] = await meet();
      one.end("hello");
      if (round % 2 === 0) other.end("bye");
      else other.once("data", () => other.write("bye"));
      expect(await all(one, other)).toEqual(["bye", "hello"]);
    }
  }, 20_000);

  it("have what was written before the peer had ended", async () => {
    const [one, other] = await meet();
    const bytes = "x".repeat(3_000_000);
    other.end();
    one.write(bytes);
    expect(await all(one, other)).toEqual(["", bytes]);
  });
});

describe("a socket that is destroyed", () => {
  it("is cut off where its peer has not ended, or there is an error, or half-open connections are wanted", async () => {
    for (const [index, error] of [undefined, new Error("enough"), undefined].entries()) {
      const [one, other] = await meet(index === 2);
      one.on("error", () => {});
      const truncated = once(other.resume(), "error");
      if (index === 0) one.destroy();
      else {
        one.resume().once("end", () => one.destroy(error)); // at once, before it ends by itself
        other.end();
      }
      const [why] = (await truncated) as [Error];
      expect(why.name).toBe("ConnectionTruncated");
      expect(one.destroyed).toBe(true);
      other.destroy();
    }
  });
});
