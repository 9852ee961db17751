import {
  ask,
  connectHead,
  type End,
  type FunctionFiles,
  OuterClient,
  park,
  RunningRelay,
  readAll,
  readByPeer,
  readHead,
} from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

const HEAD = connectHead("f2:443", { "Relay-Transport": "raw" });
/** Looks like TLS itself: a relay that guesses from the bytes would be caught. */
const INNER = "\x16\x03\x01\x00\x30 first bytes";

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;
/** of CONNECT, close_notify and the first bytes of the session */
let flightLength: number;

beforeAll(async () => {
  // Byte by byte takes longer than the deadlines are by default, on a machine that has much else to do.
  const yaml = "limits: { requestTimeout: 60s, detachTimeout: 60s }";
  relay = await RunningRelay.start({ routes: [["f1", "f2"]], yaml });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
  const probe = await OuterClient.dial(relay.port, f1);
  flightLength = (await probe.flight(HEAD)).length + INNER.length;
  probe.destroy();
});

afterAll(() => relay.finish());

/** One flight of f1, cut at these offsets: the relay has read each piece before the next is sent. */
async function sendInPieces(cuts: readonly number[]): Promise<OuterClient> {
  const client = await OuterClient.dial(relay.port, f1);
  const flight = Buffer.concat([await client.flight(HEAD), Buffer.from(INNER)]);
  for (const [index, cut] of cuts.entries()) {
    const from = cuts[index - 1] ?? 0;
    client.socket.write(flight.subarray(from, cut));
    // What comes behind close_notify, in a piece of its own, may stay in the kernel until the two are paired.
    if (from < flight.length - INNER.length) await readByPeer(client.socket);
  }
  client.socket.write(flight.subarray(cuts.at(-1) ?? 0));
  return client;
}

/** Neither end says more than that: whatever else came, before, behind or twice, would show. */
async function expectInnerOnce(near: OuterClient, far: End): Promise<void> {
  const bare = await near.bare();
  expect(await readHead(bare)).toMatch(/^HTTP\/1\.1 200 /);
  bare.end();
  await far.paired();
  expect(await far.rest()).toBe(INNER);
  far.stream.end("and back");
  expect((await readAll(bare)).toString()).toBe("and back");
  near.destroy();
  far.destroy();
}

it("cut in two at every offset, while the peer waits", async () => {
  for (let cut = 0; cut <= flightLength; cut++) {
    const far = await park(relay, f2, "f1");
    await expectInnerOnce(await sendInPieces([cut]), far);
  }
});

it("cut in two at every offset, before the peer comes", async () => {
  for (let cut = 0; cut <= flightLength; cut++) {
    const near = await sendInPieces([cut]);
    await expectInnerOnce(near, await ask(relay, f2, "f1", { transport: cut % 2 === 0 ? "raw" : "tls" }));
  }
});

it("byte by byte", async () => {
  const far = await park(relay, f2, "f1");
  const cuts = Array.from({ length: flightLength - 1 }, (_, index) => index + 1);
  await expectInnerOnce(await sendInPieces(cuts), far);
});

it("both ends at once, each in one flight with its first bytes", async () => {
  for (let round = 0; round < 50; round++) {
    const ends = await Promise.all([
      ask(relay, f1, "f2", { first: "from f1" }),
      ask(relay, f2, "f1", { first: "from f2" }),
    ]);
    await Promise.all(ends.map((end) => end.paired()));
    for (const end of ends) end.stream.end();
    expect(await Promise.all(ends.map((end) => end.rest()))).toEqual(["from f2", "from f1"]);
    for (const end of ends) end.destroy();
  }
});
