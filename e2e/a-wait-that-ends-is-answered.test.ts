import {
  ask,
  type End,
  type FunctionFiles,
  park,
  parseHead,
  RunningRelay,
  refusalReason,
} from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  relay = await RunningRelay.start({ routes: [["f1", "f2"]], yaml: "pairing: { wait: 1s, maxWait: 2s }" });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
});

afterAll(() => relay.finish());

async function expectTimeout(end: End, reason: "peer_timeout" | "role_conflict"): Promise<void> {
  const answer = await end.rest();
  expect(parseHead(answer)).toMatchObject({ status: 504, fields: { "content-type": "text/plain; charset=utf-8" } });
  expect(refusalReason(answer)).toBe(reason);
  expect(await relay.logged("refused", { address: end.address })).toMatchObject({ reason });
  end.destroy();
}

it.each(["raw", "tls"] as const)("with 504 after Prefer: wait=1, in %s", async (transport) => {
  const asked = performance.now();
  const end = await park(relay, f1, "f2", { transport, fields: { Prefer: "wait=1" } });
  await expectTimeout(end, "peer_timeout");
  const waited = performance.now() - asked;
  expect(waited).toBeGreaterThan(950);
  expect(waited).toBeLessThan(2_000);
});

it("at once where nobody is there and wait=0, and with a pair where somebody is", async () => {
  await expectTimeout(await ask(relay, f1, "f2", { fields: { Prefer: "wait=0" } }), "peer_timeout");
  const waiting = await park(relay, f2, "f1", { fields: { Prefer: "wait=2" } });
  const end = await ask(relay, f1, "f2", { fields: { Prefer: "respond-async, wait=0" } });
  await Promise.all([end.paired(), waiting.paired()]);
  for (const each of [end, waiting]) each.destroy();
});

it("after the relay's own wait where none was asked for, and after its longest where more was", async () => {
  const begun = performance.now();
  const [own, longest] = [await park(relay, f1, "f2"), await park(relay, f1, "f2", { fields: { Prefer: "wait=600" } })];
  await expectTimeout(own, "peer_timeout");
  expect(performance.now() - begun).toBeLessThan(1_900);
  await expectTimeout(longest, "peer_timeout");
  expect(performance.now() - begun).toBeGreaterThan(1_900);
});

it("with role_conflict where the peer came and asked for the same side, to both", async () => {
  for (const role of ["client", "server"]) {
    const fields = { "Relay-Role": role, Prefer: "wait=1" };
    const ends = [await park(relay, f1, "f2", { fields }), await park(relay, f2, "f1", { fields, transport: "tls" })];
    await Promise.all(ends.map((end) => expectTimeout(end, "role_conflict")));
  }
});

it("and not at all to one that was paired before it was over", async () => {
  const fields = { Prefer: "wait=1" };
  const ends = [await park(relay, f1, "f2", { fields }), await ask(relay, f2, "f1", { fields })] as const;
  const heads = await Promise.all(ends.map((end) => end.paired()));
  // Somebody else's wait, begun after theirs, ends: theirs would have ended before.
  await expectTimeout(await park(relay, f1, "f2", { fields, channel: 2 }), "peer_timeout");
  expect(heads.map(({ status }) => status)).toEqual([200, 200]);
  ends[0].stream.end("still on");
  expect(await ends[1].rest()).toBe("still on");
  for (const end of ends) end.destroy();
});
