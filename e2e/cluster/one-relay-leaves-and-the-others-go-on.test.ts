import { ask, type FunctionFiles, park, parseHead, until } from "@serverless-relay/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";
import { RunningCluster } from "./running-cluster.ts";
import { wander } from "./wandering-end.ts";

let cluster: RunningCluster;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeEach(async () => {
  cluster = await RunningCluster.start({ relays: 3, routes: [["f1", "f2"]] });
  f1 = await cluster.issue("f1");
  f2 = await cluster.issue("f2");
});
afterEach(() => cluster.stop());

it("a relay that is killed takes its own functions with it, and nobody else's", async () => {
  const lost = await park(cluster.relay(2), f2, "f1");
  await cluster.kill(2);
  lost.stream.destroy();
  const waiting = await park(cluster.relay(0), f1, "f2");
  const other = await ask(cluster.relay(1), f2, "f1");
  for (const end of [waiting, other]) await end.paired();
  for (const end of [waiting, other]) end.stream.end("met");
  for (const end of [waiting, other]) expect(await end.rest()).toBe("met");
  const { relays } = await cluster.relay(0).control.cluster();
  expect(relays).toHaveLength(2);
});

it("a function whose relay is killed comes to another by the SDK, and meets its peer there", async () => {
  const doors = cluster.relays.map(({ port }) => ({ host: "127.0.0.1", port }));
  const common = { pair: "moves", transport: "raw", startsAfterMs: 0, deadlineMs: 30_000 } as const;
  const moves = wander({ ...common, name: "f1", firstDoor: 2 }, f1, doors);
  await until("it is parked", async () => (await cluster.relay(2).control.listParked()).length === 1);
  await cluster.kill(2);
  const other = await wander({ ...common, name: "f2", firstDoor: 1 }, f2, doors);
  const { attempts, outcome } = await moves;
  expect([outcome, other.outcome]).toEqual(["talked", "talked"]);
  expect(attempts[0]).toMatchObject({ relay: 2, session: null, told: true });
});

it("a relay that drains sends its parked functions on at once; its sessions across relays run to their end", async () => {
  const [here, there] = [cluster.relay(0), cluster.relay(1)];
  const across = [await park(here, f1, "f2"), await ask(there, f2, "f1")] as const;
  for (const end of across) await end.paired();
  const parked = await park(here, f1, "f2", { channel: 1 });
  await here.control.drain({ timeout: 20 });
  expect(parseHead(await parked.rest())).toMatchObject({ status: 503, fields: { "retry-after": "0" } });
  const elsewhere = [
    await park(there, f1, "f2", { channel: 1 }),
    await ask(cluster.relay(2), f2, "f1", { channel: 1 }),
  ];
  for (const end of elsewhere) await end.paired();
  for (const end of [...across, ...elsewhere]) end.stream.end("to the last byte");
  for (const end of [...across, ...elsewhere]) expect(await end.rest()).toBe("to the last byte");
  expect(await here.process.ended).toBe(0);
});

it("a relay that is added serves the routes there are, and meets the others", async () => {
  const parked = await park(cluster.relay(0), f1, "f2");
  const added = await cluster.addRelay();
  await until("it knows the route", async () => (await added.control.listRoutes()).length === 1);
  const other = await ask(added, f2, "f1");
  for (const end of [parked, other]) await end.paired();
  for (const end of [parked, other]) end.stream.end("met");
  for (const end of [parked, other]) expect(await end.rest()).toBe("met");
  const { stdout } = await added.relayctl("cluster", "status");
  expect(stdout).toMatch(/^cluster test\n(.*\n){5}$/);
});
