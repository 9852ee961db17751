import { ask, type FunctionFiles, meet, park, RunningRelay, refusalReason, until } from "@serverless-relay/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeEach(async () => {
  relay = await RunningRelay.start({ drain: "200ms" });
  [f1, f2] = [await relay.issue("f1"), await relay.issue("f2")];
});

afterEach(() => relay.finish());

const add = (...flags: string[]) => relay.relayctl("route", "add", "f1", "f2", ...flags);

it("when its time is over: who is parked is refused, and sessions run on", async () => {
  expect((await add("--ttl", "2s")).stdout).toMatch(/^options: until 2[0-9T:.-]+Z$/m);
  const { ends } = await meet(relay, f1, f2);
  const waiting = await park(relay, f1, "f2");
  expect(refusalReason(await waiting.rest())).toBe("no_route");
  waiting.destroy();
  await until("it is not listed", async () => (await relay.control.listRoutes()).length === 0);
  expect((await add()).stdout).toBe("route f1 <-> f2 added\n");
  ends[0].stream.end("to the last byte");
  expect(await ends[1].rest()).toBe("to the last byte");
  for (const end of ends) end.destroy();
});

it("when its time is over, also if that is while relayd is down, or after it was killed", async () => {
  await add("--ttl", "1s");
  await relay.relayctl("route", "add", "f1", "f3", "--ttl", "1h");
  const f3 = (await relay.control.listRoutes()).find(({ f2: peer }) => peer === "f3");
  await relay.crash();
  await new Promise((resolve) => setTimeout(resolve, 1_000)); // the time itself, that nobody measures meanwhile
  await relay.boot();
  expect(await relay.control.listRoutes()).toEqual([f3]);
});

it("once it has had its session: no other begins, and a restart does not bring it back", async () => {
  await add("--once");
  const other = await park(relay, f1, "f2", { channel: 1 });
  const { ends } = await meet(relay, f1, f2);
  expect(refusalReason(await other.rest())).toBe("no_route");
  await expect(ask(relay, f2, "f1", { channel: 1 })).rejects.toThrow("reason=no_route");
  ends[0].stream.end("to the last byte");
  expect(await ends[1].rest()).toBe("to the last byte");
  for (const end of [...ends, other]) end.destroy();
  await until("it is not listed", async () => (await relay.control.listRoutes()).length === 0);
  await relay.crash();
  await relay.boot();
  expect(await relay.control.listRoutes()).toEqual([]);
});

it("is not changed by adding it with other options, and the answer says which differ", async () => {
  await add("--max-sessions", "2", "--wait", "30s");
  const { code, stderr } = await add("--max-sessions", "3", "--once");
  expect(code).toBe(1);
  expect(stderr).toContain("maxSessions is 2, not 3, and wait is 30, not unset, and once is not set; delete it first");
  expect((await add("--wait", "30s", "--max-sessions", "2")).stdout).toContain("exists already: nothing changed");
  await relay.halt();
  await relay.boot();
  expect(await relay.control.getRoute("f2", "f1")).toMatchObject({ maxSessions: 2, wait: 30, once: false });
  expect((await relay.relayctl("route", "show", "f1", "f2")).stdout).toMatch(/^options +max-sessions 2, wait 30s$/m);
});
