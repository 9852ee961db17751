import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ask, type FunctionFiles, park, until } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RunningCluster } from "./running-cluster.ts";

let cluster: RunningCluster;
let f1: FunctionFiles;
let f2: FunctionFiles;
let target: Server;
let invoked = 0;

beforeAll(async () => {
  target = createServer((_request, response) => {
    invoked++;
    response.writeHead(202).end();
  });
  await once(target.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(target.address() as AddressInfo).port}/`;
  cluster = await RunningCluster.start({ relays: 2, yaml: `wake: { allow: ["${url}"] }` });
  await cluster.relay(0).control.addRoute({ f1: "f1", f2: "f2", wake: { f2: url } });
  await until("the other relay knows the hook", async () =>
    (await cluster.relay(1).control.listRoutes()).some(({ wake }) => wake?.f2 === url),
  );
  f1 = await cluster.issue("f1");
  f2 = await cluster.issue("f2");
});
afterAll(async () => {
  await cluster.stop();
  target.close();
});

it("by the relay where somebody waits for it, once no relay has it; and not at all if another has it", async () => {
  const waiting = await park(cluster.relay(1), f1, "f2");
  await cluster.relay(1).logged("wake", { outcome: "accepted" });
  const woken = await ask(cluster.relay(0), f2, "f1");
  for (const end of [waiting, woken]) await end.paired();
  await cluster.relay(1).logged("woken");

  const there = await park(cluster.relay(0), f2, "f1", { channel: 2 });
  const coming = await ask(cluster.relay(1), f1, "f2", { channel: 2 });
  for (const end of [there, coming]) await end.paired();
  expect(invoked).toBe(1);
  expect(
    cluster
      .relay(0)
      .log()
      .filter(({ event }) => event === "wake"),
  ).toEqual([]);
  for (const end of [waiting, woken, there, coming]) end.destroy();
});
