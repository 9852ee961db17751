import { randomBytes } from "node:crypto";
import {
  ask,
  connectHead,
  digest,
  type End,
  meet,
  OuterClient,
  type Pull,
  park,
  readAll,
  until,
} from "@serverless-relay/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { type Cables, layCables } from "./cables.ts";

const OUTAGE_MS = 1_000;
const SIZE = 8 << 20;
const CHANNEL = { handshake: 1, request: 2, detach: 3, parkedRaw: 4, parkedTls: 5, first: 10 } as const;

const MIXES = [
  ["raw", "raw"],
  ["tls", "tls"],
  ["tls", "raw"],
] as const;

let cables: Cables;
afterEach(() => cables.remove());

/** Sends both ways at once, and reads all that comes. */
async function exchange([near, far]: readonly [End, End], sent: readonly [Buffer, Buffer]): Promise<string[]> {
  near.stream.end(sent[0]);
  far.stream.end(sent[1]);
  const got = await Promise.all([readAll(near.stream), readAll(far.stream)]);
  return got.map(digest);
}

describe.each<Pull>(["drop", "down"])("f1's cable is pulled (%s) for a second", (how) => {
  it("in whatever state it was, it goes on, and every byte arrives", async () => {
    cables = await layCables("");
    const { relay, network, f1, f2, from } = cables;
    const dial = (port: number) => network.dial("f1", port);
    const sent = [randomBytes(SIZE), randomBytes(SIZE)] as const;

    // Before and while the cable is out, f1 does what it would have done anyway.
    const dialled = await dial(relay.port);
    const asking = await OuterClient.dial(relay.port, f1, { dial });
    const detaching = await OuterClient.dial(relay.port, f1, { dial });
    const parked = [
      await park(relay, f1, "f2", from("f1", { channel: CHANNEL.parkedRaw })),
      await park(relay, f1, "f2", from("f1", { channel: CHANNEL.parkedTls, transport: "tls" })),
    ] as const;
    const sessions: (readonly [End, End])[] = [];
    for (const [one, other] of MIXES) {
      for (const _state of ["idle", "in mid-transfer", "half-closed"]) {
        const channel = CHANNEL.first + sessions.length;
        const wishes = [from("f1", { transport: one, channel }), from("f2", { transport: other, channel })] as const;
        sessions.push((await meet(relay, f1, f2, wishes)).ends);
      }
    }
    const isIn = (state: number) => sessions.filter((_ends, index) => index % 3 === state);
    const transferred = isIn(1).map((ends) => exchange(ends, sent));
    for (const [near] of isIn(2)) near.stream.end("the last");
    await until("much is under way", async () => (await relay.status()).bytes > 1 << 20);

    await network.pull("f1", how);
    const mended = new Promise((resolve) => setTimeout(resolve, OUTAGE_MS)).then(() => network.mend("f1", how));
    const shaken = OuterClient.dial(relay.port, f1, { dial: async () => dialled });
    asking.request(connectHead(`f2:${CHANNEL.request}`));
    const flight = await detaching.flight(connectHead(`f2:${CHANNEL.detach}`, { "Relay-Transport": "raw" }));
    detaching.socket.write(flight);
    const peers = [
      await ask(relay, f2, "f1", from("f2", { channel: CHANNEL.parkedRaw })),
      await ask(relay, f2, "f1", from("f2", { channel: CHANNEL.parkedTls, transport: "tls" })),
    ] as const;
    for (const peer of peers) await peer.paired(); // with one that cannot be reached just now
    const answered = isIn(2).map(([, far]) => exchangeHalf(far, "an answer"));
    const idle = isIn(0).map((ends) => exchange(ends, [Buffer.from("still"), Buffer.from("here")]));

    await mended;
    for (const [index, end] of parked.entries()) {
      await end.paired();
      expect(await exchange([end, peers[index] as End], [Buffer.from("a"), Buffer.from("b")])).toEqual(
        ["b", "a"].map((text) => digest(Buffer.from(text))),
      );
    }
    const client = await shaken;
    client.request(connectHead(`f2:${CHANNEL.handshake}`));
    await detaching.bare();
    await until("all who were on their way are parked", async () => {
      const channels = (await relay.control.listParked()).map(({ channel }) => channel);
      return [CHANNEL.handshake, CHANNEL.request, CHANNEL.detach].every((one) => channels.includes(String(one)));
    });
    for (const hashes of await Promise.all(transferred)) expect(hashes).toEqual([digest(sent[1]), digest(sent[0])]);
    for (const hashes of await Promise.all(idle)) {
      expect(hashes).toEqual([digest(Buffer.from("here")), digest(Buffer.from("still"))]);
    }
    expect(await Promise.all(answered)).toEqual(MIXES.map(() => "the last"));
    for (const [near] of isIn(2)) expect(await near.rest()).toBe("an answer");

    for (const one of [client, asking, detaching, ...parked, ...peers, ...sessions.flat()]) one.destroy();
    await relay.quiet();
    const ended = relay.log().filter(({ event }) => event === "ended");
    expect(ended.map(({ reason }) => reason)).toEqual(ended.map(() => "completed"));
    expect(ended).toHaveLength(sessions.length + parked.length);
  });
});

/** Hears all that the other end had to say, and answers then. */
async function exchangeHalf(end: End, answer: string): Promise<string> {
  const heard = await end.rest();
  end.stream.end(answer);
  return heard;
}
