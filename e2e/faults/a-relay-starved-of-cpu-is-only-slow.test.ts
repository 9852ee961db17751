import { randomBytes } from "node:crypto";
import {
  ask,
  digest,
  type End,
  type FunctionFiles,
  type Met,
  meet,
  park,
  RunningRelay,
  readAll,
  refusalReason,
} from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cpuSeconds } from "./plain-sessions.ts";
import { whileStarved } from "./starvation.ts";

/** A twentieth for each of two processors, and what stopping and starting takes. */
const SHARE = 0.15;
const PAIRS = 12;
const SIZE = 256 << 10;
const WAIT_S = 3;
const TRANSPORTS = ["raw", "tls"] as const;

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  relay = await RunningRelay.start({ routes: [["f1", "f2"]] });
  [f1, f2] = [await relay.issue("f1"), await relay.issue("f2")];
});

afterAll(() => relay.finish());

/** Both ways at once; the one ends its direction when it has sent, the other when it has heard all. */
async function exchange([near, far]: readonly [End, End]): Promise<void> {
  const sent = [randomBytes(SIZE), randomBytes(SIZE)] as const;
  near.stream.end(sent[0]);
  far.stream.write(sent[1]);
  const heard = readAll(near.stream);
  expect(digest(await readAll(far.stream))).toBe(digest(sent[0]));
  far.stream.end();
  expect(digest(await heard)).toBe(digest(sent[1]));
}

async function meetOn(channel: number): Promise<Met> {
  const transport = (which: number) => TRANSPORTS[(channel >> which) & 1] ?? "raw";
  const [near, far] = await Promise.all([
    ask(relay, f1, "f2", { transport: transport(0), channel }),
    ask(relay, f2, "f1", { transport: transport(1), channel }),
  ]);
  const heads = await Promise.all([near.paired(), far.paired()]);
  return { ends: [near, far], heads, session: heads[0].fields["relay-session"] ?? "" };
}

it(`with 5 % of it ${PAIRS} pairs meet, at once, and hear all of one another; who waits alone is told, and relayctl is answered`, async () => {
  const { pid } = relay.process;
  const before = await meet(relay, f1, f2, [{ channel: 1_000 }, { channel: 1_000 }]);
  const parked = await park(relay, f1, "f2", { channel: 1_001 });
  const met: Met[] = [before];
  await whileStarved(pid, async () => {
    const [cpu, began] = [cpuSeconds(pid), performance.now()];
    const alone = await ask(relay, f1, "f2", { channel: 1_002, fields: { Prefer: `wait=${WAIT_S}` } });
    const channels = Array.from({ length: PAIRS }, (_, index) => index + 1);
    const conversations = channels.map(async (channel) => {
      const one = await meetOn(channel);
      met.push(one);
      await exchange(one.ends);
    });
    const peer = await ask(relay, f2, "f1", { channel: 1_001 });
    const [head] = [await parked.paired(), await peer.paired()];
    met.push({ ends: [parked, peer], heads: [head, head], session: head.fields["relay-session"] ?? "" });
    await Promise.all([...conversations, exchange(before.ends), exchange([parked, peer])]);
    expect(await relay.relayctl("route", "add", "f1", "f9")).toMatchObject({ code: 0 });
    expect(refusalReason(await alone.rest())).toBe("peer_timeout");
    alone.destroy();
    expect((cpuSeconds(pid) - cpu) / ((performance.now() - began) / 1_000)).toBeLessThan(SHARE);
  });
  for (const { session, ends } of met) {
    expect(await relay.logged("ended", { session })).toMatchObject({ reason: "completed", bytes: [SIZE, SIZE] });
    for (const end of ends) end.destroy();
  }
  await relay.quiet();
  const again = await meet(relay, f1, f2);
  await exchange(again.ends);
  for (const end of again.ends) end.destroy();
});
