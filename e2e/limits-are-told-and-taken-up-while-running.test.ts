import { rename } from "node:fs/promises";
import { join } from "node:path";
import {
  connectHead,
  type FunctionFiles,
  meet,
  OuterClient,
  park,
  parseHead,
  RunningRelay,
  refusalReason,
  until,
} from "@serverless-relay/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;
let yaml: string;

beforeEach(async () => {
  relay = await RunningRelay.start({ routes: [["f1", "f2"]], yaml: "limits: { parkedPerFunction: 1 }" });
  yaml = await relay.read("relayd.yaml");
  [f1, f2] = [await relay.issue("f1"), await relay.issue("f2")];
});

afterEach(() => relay.finish());

async function configure(limits: string): Promise<void> {
  const file = await relay.write("relayd.yaml.new", yaml.replace(/^limits: .*$/m, limits));
  await rename(file, join(relay.directory, "relayd.yaml"));
  await relay.control.reload();
}

async function refusalOf(self: FunctionFiles, peer: string, channel: number): Promise<string> {
  const client = await OuterClient.dial(relay.port, self);
  client.request(connectHead(`${peer}:${channel}`));
  const answer = await client.answer();
  client.destroy();
  return answer;
}

it("a quota: 429 with Retry-After to the function, its key in the log and the metrics; raised by a reload", async () => {
  const waiting = [await park(relay, f1, "f2", { channel: 1 })];
  const answer = await refusalOf(f1, "f2", 2);
  expect(parseHead(answer)).toMatchObject({ status: 429, fields: { "retry-after": "5" } });
  expect(refusalReason(answer)).toBe("quota_exceeded");
  expect(await relay.logged("refused")).toMatchObject({ reason: "quota_exceeded", limit: "parkedPerFunction" });
  await configure("limits: { parkedPerFunction: 2 }");
  waiting.push(await park(relay, f1, "f2", { channel: 2 }));
  await configure("limits: { parkedPerFunction: 1 }");
  expect(await relay.control.listParked()).toHaveLength(2); // whoever is here already stays
  expect(refusalReason(await refusalOf(f1, "f2", 3))).toBe("quota_exceeded");
  for (const end of waiting) end.destroy();
});

it("a limit of the relay's own: 503, and status says how much of it is used", async () => {
  await configure("limits: { sessions: 1 }");
  const { ends } = await meet(relay, f1, f2);
  const waiting = await park(relay, f1, "f2");
  const answer = await refusalOf(f2, "f1", 443);
  expect(parseHead(answer)).toMatchObject({ status: 503 });
  expect(refusalReason(answer)).toBe("full");
  const { limits } = await relay.status();
  expect(limits).toMatchObject({
    sessions: { used: 1, limit: 1 },
    connections: { used: expect.any(Number), limit: 10_000 },
  });
  expect((await relay.relayctl("status")).stdout).toMatch(
    /^limits +3 of 10000 connections, 0 of 512 handshakes, 1 of 1 session$/m,
  );
  for (const end of [...ends, waiting]) end.destroy();
});

it("the lifetime of sessions, for those under way, too", async () => {
  const { ends, session } = await meet(relay, f1, f2);
  const broken = ends.map((end) => end.broken());
  await configure("sessions: { maxDuration: 200ms }");
  expect(await relay.logged("ended", { session })).toMatchObject({ reason: "lifetime" });
  await Promise.all(broken);
  for (const end of ends) end.destroy();
  await until("it is counted no more", async () => (await relay.status()).limits.sessions.used === 0);
});
