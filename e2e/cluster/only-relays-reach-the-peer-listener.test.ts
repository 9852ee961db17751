import { connectHead, type FunctionFiles, OuterClient, refusalReason } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RunningCluster } from "./running-cluster.ts";

let cluster: RunningCluster;
let f1: FunctionFiles;

beforeAll(async () => {
  cluster = await RunningCluster.start({ relays: 1, routes: [["f1", "f2"]] });
  f1 = await cluster.issue("f1");
});
afterAll(() => cluster.stop());

it.each([
  ["a function's certificate", () => f1, "certificate_unknown_issuer"],
  ["no certificate", () => ({ ca: f1.ca }), "certificate_missing"],
])("%s is refused", async (_what, credentials, reason) => {
  const client = await OuterClient.dial(cluster.peerPort(0), { ...credentials(), ca: cluster.peersCa });
  client.request(connectHead("f2:443", { "Relay-Transport": "raw", "Relay-Channel": "a-claim" }));
  expect(refusalReason(await client.answer())).toBe(reason);
});

it("a relay's claim that nobody has granted is refused", async () => {
  const client = await OuterClient.dial(cluster.peerPort(0), {
    ...(await cluster.peerIdentity()),
    ca: cluster.peersCa,
  });
  client.request(connectHead("f2:443", { "Relay-Transport": "raw", "Relay-Channel": "a-claim" }));
  expect(refusalReason(await client.answer())).toBe("peer_vanished");
});
