import { ask, type FunctionFiles, park, RunningRelay } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  relay = await RunningRelay.start();
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
});
afterAll(() => relay.finish());

const why = (...args: string[]) => relay.relayctl("why", "f1", "f2", ...args);

it("names the route that is missing, who is parked and who is not, and channels that differ", async () => {
  const withoutRoute = await why();
  expect(withoutRoute).toMatchObject({ code: 1, stdout: expect.stringContaining("no_route") });
  expect(withoutRoute.stdout).toContain("relayctl route add f1 f2");

  await relay.control.addRoute({ f1: "f1", f2: "f2" });
  expect((await why()).stdout).toContain("nobody");

  const one = await park(relay, f1, "f2", { channel: 1 });
  const other = await park(relay, f2, "f1", { channel: 2 });
  const apart = await why("--json");
  const { findings } = JSON.parse(apart.stdout) as { findings: { code: string }[] };
  expect(findings.map(({ code }) => code)).toContain("different_channels");

  const met = await ask(relay, f2, "f1", { channel: 1 });
  for (const end of [one, met]) await end.paired();
  for (const end of [one, met, other]) end.destroy();
});
