import { meet, RunningRelay } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

const ROUNDS = 20;

let relay: RunningRelay;

beforeAll(async () => {
  relay = await RunningRelay.start();
});

afterAll(() => relay.finish());

const routeNames = async () => (await relay.control.listRoutes()).map(({ f1, f2 }) => `${f1} ${f2}`).toSorted();

it("a route that was added is there, and one that was deleted is not, however relayd was killed right after", async () => {
  const kept: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const name = `${String(round).padStart(2, "0")}`;
    await relay.control.addRoute({ f1: `a${name}`, f2: `b${name}` });
    relay.process.kill("SIGKILL"); // in the very turn in which the answer came
    kept.push(`a${name} b${name}`);
    await relay.crash();
    await relay.boot();
    expect(await routeNames()).toEqual(kept);
    if (round % 5 !== 4) continue;
    await relay.control.deleteRoute(`a${name}`, `b${name}`);
    await relay.crash();
    kept.pop();
    await relay.boot();
    expect(await routeNames()).toEqual(kept);
  }
  // They are routes, and not only in a list.
  const { ends } = await meet(relay, await relay.issue("a00"), await relay.issue("b00"));
  for (const end of ends) end.destroy();
});

it("so it is with relayctl", async () => {
  expect(await relay.relayctl("route", "add", "f1", "f2")).toMatchObject({ code: 0 });
  await relay.crash();
  await relay.boot();
  expect(await routeNames()).toContain("f1 f2");
});
