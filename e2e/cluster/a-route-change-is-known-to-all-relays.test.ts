import { type FunctionFiles, park, refusalReason, until } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RunningCluster } from "./running-cluster.ts";

let cluster: RunningCluster;
let f1: FunctionFiles;

beforeAll(async () => {
  cluster = await RunningCluster.start({ relays: 2, routes: [["f1", "f2"]] });
  f1 = await cluster.issue("f1");
});
afterAll(() => cluster.stop());

it("a route that one relay deletes is gone at the other: who is parked there is refused", async () => {
  const parked = await park(cluster.relay(1), f1, "f2");
  expect((await cluster.relay(0).relayctl("route", "delete", "f1", "f2")).code).toBe(0);
  expect(refusalReason(await parked.rest())).toBe("no_route");
  await until("it is gone", async () => (await cluster.relay(1).control.listRoutes()).length === 0);
});

it("a route survives the restart of every relay, and what the cluster changed meanwhile is known after it", async () => {
  await cluster.addRoute("f3", "f4");
  const [first, second] = [cluster.relay(0), cluster.relay(1)];
  await first.halt();
  await second.control.addRoute({ f1: "f5", f2: "f6" });
  await second.control.deleteRoute("f3", "f4");
  await first.boot();
  expect((await first.control.listRoutes()).map((route) => [route.f1, route.f2])).toEqual([["f5", "f6"]]);
});
