/** Two relays, each in a network of its own, NATS and the functions in a third: only the way between the relays is out. */
import { randomBytes } from "node:crypto";
import { setTimeout as after } from "node:timers/promises";
import {
  type AnswerHead,
  ask,
  connectionsOf,
  Dialler,
  digest,
  type End,
  type FunctionFiles,
  park,
  readAll,
  refusalReason,
  until,
  type Wishes,
} from "@serverless-relay/testkit";
import { afterEach, expect, it } from "vitest";
import { Network } from "./network.ts";
import { RunningCluster } from "./running-cluster.ts";

const OUTAGE_MS = 1_000;
const SIZE = 4 << 20;
const CHANNEL = { parked: 1, late: 2, again: 3, first: 10 } as const;
const MIXES = [
  ["raw", "raw"],
  ["tls", "raw"],
] as const;

let network: Network;
let cluster: RunningCluster;
let functions: Dialler;
let f1: FunctionFiles;
let f2: FunctionFiles;

async function begin(yaml: string): Promise<void> {
  network = await Network.create(2);
  cluster = await RunningCluster.start({ relays: 2, routes: [["f1", "f2"]], network, yaml });
  functions = await Dialler.start(network.outside.under);
  [f1, f2] = [await cluster.issue("f1"), await cluster.issue("f2")];
}

afterEach(async () => {
  await functions.stop();
  await cluster.stop();
  await network.remove();
});

/** f1 at the one relay, f2 at the other. */
const at = (relay: 0 | 1, wishes: Wishes): Wishes => ({
  ...wishes,
  dial: (port) => functions.dial(hostOf(relay).address, port),
});
const parkF1 = (wishes: Wishes) => park(cluster.relay(0), f1, "f2", at(0, wishes));
const askF2 = (wishes: Wishes) => ask(cluster.relay(1), f2, "f1", at(1, wishes));

function hostOf(relay: 0 | 1) {
  const host = network.hosts[relay];
  if (host === undefined) throw new Error("there are two");
  return host;
}

interface Across {
  readonly ends: readonly [End, End];
  readonly session: string;
}

async function meetAcross(one: Wishes, other: Wishes = one): Promise<Across> {
  const ends = [await parkF1(one), await askF2(other)] as const;
  return { ends, session: await sessionOf(ends) };
}

async function sessionOf(ends: readonly [End, End]): Promise<string> {
  const heads: AnswerHead[] = [];
  for (const end of ends) heads.push(await end.paired());
  const [session = "", same] = heads.map(({ fields }) => fields["relay-session"]);
  expect(same).toBe(session);
  return session;
}

/** A session of each kind, in the states that are named, `states` of them in each mix. */
async function converse(states: number): Promise<Across[]> {
  const live: Across[] = [];
  for (const [one, other] of MIXES) {
    for (let state = 0; state < states; state++) {
      const channel = CHANNEL.first + live.length;
      live.push(await meetAcross({ transport: one, channel }, { transport: other, channel }));
    }
  }
  return live;
}

/** Sends both ways at once, and reads all that comes. */
async function exchange({ ends: [near, far] }: Across, sent: readonly [Buffer, Buffer]): Promise<void> {
  near.stream.end(sent[0]);
  far.stream.end(sent[1]);
  const got = await Promise.all([readAll(near.stream), readAll(far.stream)]);
  expect(got.map(digest)).toEqual([digest(sent[1]), digest(sent[0])]);
}

it("for a second: sessions in whatever state lose nothing, who was parked is met, and so is whoever comes later", async () => {
  await begin("sessions: { answerWithin: 30s }");
  const live = await converse(3);
  const isIn = (state: number) => live.filter((_session, index) => index % 3 === state);
  const parked = await parkF1({ channel: CHANNEL.parked });
  const sent = [randomBytes(SIZE), randomBytes(SIZE)] as const;
  const transferred = isIn(1).map((session) => exchange(session, sent));
  for (const { ends } of isIn(2)) ends[0].stream.end("the last");
  await until("much is under way", async () => (await cluster.relay(0).status()).bytes > 1 << 20);

  await network.cut(hostOf(0), [hostOf(1)]);
  const mended = after(OUTAGE_MS).then(() => network.heal(hostOf(0)));
  const idle = isIn(0).map((session) => exchange(session, [Buffer.from("still"), Buffer.from("here")]));
  const peer = await askF2({ channel: CHANNEL.parked }); // a hop is made, into nothing
  await mended;

  await Promise.all([...transferred, ...idle]);
  for (const { ends } of isIn(2)) {
    expect(await ends[1].rest()).toBe("the last");
    ends[1].stream.end("an answer");
    expect(await ends[0].rest()).toBe("an answer");
  }
  const met = { ends: [parked, peer] as const, session: await sessionOf([parked, peer]) };
  await exchange(met, [Buffer.from("at"), Buffer.from("last")]);
  const later = await meetAcross({ channel: CHANNEL.again });
  await exchange(later, [Buffer.from("and"), Buffer.from("again")]);
  for (const { session, ends } of [...live, met, later]) {
    for (const relay of cluster.relays) {
      expect(await relay.logged("ended", { session })).toMatchObject({ reason: "completed" });
    }
    for (const end of ends) end.destroy();
  }
});

it("and it stays so: each relay ends its half, both functions hear of it, who waits is told, and nothing is left", async () => {
  await begin(`
sessions: { answerWithin: 2s }
pairing: { wait: 6s }`);
  const before = await Promise.all(cluster.relays.map(({ process }) => connectionsOf(process.pid)));
  const live = await converse(6);
  const intoTheVoid: End[] = [];
  const parked = await parkF1({ channel: CHANNEL.parked });
  for (const [index, { ends }] of live.entries()) {
    const [near, far] = ends;
    for (const { stream } of ends) stream.on("error", () => {});
    if (index % 6 === 1) pour(near, far);
    if (index % 6 === 2) pour(far, near);
    if (index % 6 === 3) near.stream.end("all of it");
    if (index % 6 === 4) intoTheVoid.push(near);
    if (index % 6 === 5) intoTheVoid.push(far);
  }
  for (const { stream } of intoTheVoid) stream.write("all of it");
  await until("much is under way", async () => (await cluster.relay(1).status()).bytes > 1 << 20);

  await network.cut(hostOf(0), [hostOf(1)]);
  for (const { stream } of intoTheVoid) stream.end(); // a FIN, and no byte that was not acknowledged before
  const peer = await askF2({ channel: CHANNEL.parked });
  const alone = await parkF1({ channel: CHANNEL.late });
  for (const end of [parked, peer, alone]) {
    expect(refusalReason(await end.rest())).toBe("peer_timeout");
    end.destroy();
  }
  for (const { session } of live) {
    for (const relay of cluster.relays) {
      expect(await relay.logged("ended", { session })).toMatchObject({ reason: "reset" });
    }
  }
  for (const [index, relay] of cluster.relays.entries()) {
    await until("the functions have heard of it", async () => (await network.connectionsTo(relay.port)) === 0);
    await relay.quiet({ own: before[index] ?? 0 });
    expect(await relay.status()).toMatchObject({ parked: 0, sessions: { live: 0 } });
  }

  await network.heal(hostOf(0));
  const again = await meetAcross({ channel: CHANNEL.again });
  await exchange(again, [Buffer.from("and"), Buffer.from("again")]);
  for (const end of again.ends) end.destroy();
});

const CHUNK = Buffer.alloc(64 << 10, "…");

/** Sends until its connection is gone, but not as fast as it could: all ends share this process. */
function pour(from: End, to: End): void {
  to.stream.resume();
  const more = setInterval(() => from.stream.writableNeedDrain || from.stream.write(CHUNK), 20);
  from.client.socket.once("close", () => clearInterval(more));
}
