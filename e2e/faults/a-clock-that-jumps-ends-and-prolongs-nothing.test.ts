import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, type FunctionFiles, meet, park, RunningRelay, refusalReason } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

const WAIT_S = 3;
const DRAIN_S = 1;
/** Timers are coarse, and so are busy machines. */
const LATE_MS = 1_500;
const DAY_S = 86_400;

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

/** relayd's clock, and of no other process: it is read anew each time that relayd asks what time it is. */
async function setClock(offsetSeconds: number): Promise<void> {
  await relay.write("clock", `${offsetSeconds < 0 ? "" : "+"}${offsetSeconds}\n`);
}

beforeAll(async () => {
  relay = await RunningRelay.prepare({
    drain: `${DRAIN_S}s`,
    yaml: `
pairing: { wait: ${WAIT_S}s }
sessions: { idleTimeout: ${WAIT_S}s }`,
  });
  await setClock(0);
  relay.environment = {
    LD_PRELOAD: execFileSync("faketime", ["-m", "now", "sh", "-c", "echo $LD_PRELOAD"], { encoding: "utf8" }).trim(),
    FAKETIME_TIMESTAMP_FILE: `${relay.directory}/clock`,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1", // a clock that is set leaves that one alone
  };
  await relay.boot();
  await relay.control.addRoute({ f1: "f1", f2: "f2" });
  [f1, f2] = [await relay.issue("f1"), await relay.issue("f2")];
});

afterAll(() => relay.discard());

it.each([
  ["a day ahead", DAY_S],
  ["a day back", -DAY_S],
])(
  "%s: who is parked, an idle session and a route that ends by itself have just the time that they had",
  async (_way, offset) => {
    await setClock(0);
    const channel = offset > 0 ? 1 : 11;
    const began = performance.now();
    const sessions = [
      await meet(relay, f1, f2, [{ channel }, { channel }]),
      await meet(relay, f1, f2, [
        { channel: channel + 1, transport: "tls" },
        { channel: channel + 1, transport: "tls" },
      ]),
    ];
    const waiting = await park(relay, f1, "f2", { channel: channel + 2 });
    await relay.control.addRoute({ f1: "f1", f2: `f${channel}`, ttl: WAIT_S });
    // What has moved since it was last looked at is looked at again, after the clock has been set.
    await sleep(500);
    const moved = performance.now();
    for (const { ends } of sessions) {
      for (const { stream } of ends) stream.on("error", () => {}); // it is reset in the end
      ends[0].stream.write(".");
      const heard = once(ends[1].stream, "data");
      ends[1].stream.resume();
      await heard;
    }
    const set = performance.now();

    await setClock(offset);
    const since = (start: number) => (end: Promise<unknown>) => end.then(() => performance.now() - start);
    const took = await Promise.all([
      ...sessions.map(({ session }) => relay.logged("ended", { session, reason: "idle_timeout" })).map(since(moved)),
      ...[
        relay.logged("refused", { address: waiting.address, reason: "peer_timeout" }),
        relay.process.line(new RegExp(`"route":\\["f1","f${channel}"\\].*"route deleted by itself"`)),
      ].map(since(began)),
    ]);
    expect(Math.min(...took)).toBeGreaterThan(WAIT_S * 1_000 - 100);
    expect(performance.now() - set).toBeLessThan(WAIT_S * 1_000 + LATE_MS);
    waiting.destroy();
    for (const { ends } of sessions) for (const end of ends) end.destroy();
    await relay.quiet();
  },
);

it("certificates go by the clock, and by nothing else", async () => {
  const notAfter = new Date(Date.now() + (DAY_S / 2) * 1_000);
  const { certPem, keyPem } = await relay.authority.issueFunction({ names: ["f1"], notAfter });
  const soon = await relay.keep("soon", certPem, keyPem);
  const answer = async () => {
    const end = await ask(relay, { ...soon, name: "f1" }, "f2", { transport: "tls", fields: { Prefer: "wait=0" } });
    const text = await end.rest();
    end.destroy();
    return refusalReason(text);
  };
  await setClock(0);
  expect(await answer()).toBe("peer_timeout");
  await setClock(DAY_S);
  expect(await answer()).toBe("certificate_expired");
  await setClock(0);
  expect(await answer()).toBe("peer_timeout");
});

it("a drain has the time that it was given, and a second signal does not prolong it", async () => {
  const { ends, session } = await meet(relay, f1, f2);
  const began = performance.now();
  await relay.control.drain();
  await setClock(-DAY_S);
  relay.process.kill("SIGTERM"); // takes the rest of the drain under way, and no more
  expect(await relay.logged("ended", { session })).toMatchObject({ reason: "drain_deadline" });
  const took = performance.now() - began;
  expect(took).toBeGreaterThan(DRAIN_S * 1_000 - 100);
  expect(took).toBeLessThan(DRAIN_S * 1_000 + LATE_MS);
  expect(await relay.process.ended).toBe(0);
  for (const end of ends) end.destroy();
});
