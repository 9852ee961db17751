import { setTimeout as sleep } from "node:timers/promises";
import { ControlError, DaemonUnreachable } from "@serverless-relay/control-api/client";
import { meet, RunningRelay, until } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

/** `KILLS=500` is the long form. */
const KILLS = Number(process.env.KILLS ?? 15);
/** Changes that are under way when it is killed. */
const AT_ONCE = 6;
const NAMES = 40;
const MOST_ANSWERS = 20;
const LATEST_KILL_MS = 10;

/** Changes that were acknowledged, in all. */
let answered = 0;

let relay: RunningRelay;

beforeAll(async () => {
  relay = await RunningRelay.start();
});

afterAll(() => relay.finish());

/** What may be found of a route: its options, or that there is none. */
type Found = number | "absent";

const found = async () => {
  return new Map<string, Found>(
    (await relay.control.listRoutes()).map(({ f1, maxSessions }) => [f1, maxSessions ?? 0]),
  );
};

/** Adds and deletes routes, each as it is not, until relayd is gone. Notes of each what there may be of it by now. */
async function change(state: Map<string, Set<Found>>, busy: Set<string>): Promise<void> {
  for (;;) {
    const f1 = `f${Math.floor(Math.random() * NAMES)}`;
    if (busy.has(f1)) {
      await sleep(0);
      continue;
    }
    const [before = "absent"] = state.get(f1) ?? [];
    const after: Found = before === "absent" ? 1 + Math.floor(Math.random() * 1_000_000) : "absent";
    busy.add(f1);
    state.set(f1, new Set([before, after])); // it has not been acknowledged
    try {
      if (after === "absent") await relay.control.deleteRoute(f1, "g");
      else await relay.control.addRoute({ f1, f2: "g", maxSessions: after });
    } catch (error) {
      if (error instanceof ControlError || !(error instanceof DaemonUnreachable)) throw error;
      return;
    }
    answered++;
    state.set(f1, new Set([after]));
    busy.delete(f1);
  }
}

it(
  `${KILLS} times killed while routes are added and deleted: what was acknowledged is so, all else is whole or not there`,
  async () => {
    const state = new Map<string, Set<Found>>();
    for (let kill = 0; kill < KILLS; kill++) {
      const busy = new Set<string>();
      const changes = Array.from({ length: AT_ONCE }, () => change(state, busy));
      // Somewhere in the middle of the next change, or of the one after a few.
      const enough = answered + 1 + Math.floor(Math.random() * MOST_ANSWERS);
      await until("changes are acknowledged", () => answered >= enough);
      await sleep(Math.random() * LATEST_KILL_MS);
      await relay.crash();
      await Promise.all(changes);
      await relay.boot();
      const routes = await found();
      for (let index = 0; index < NAMES; index++) {
        const f1 = `f${index}`;
        const now = routes.get(f1) ?? "absent";
        const possible = state.get(f1) ?? new Set<Found>(["absent"]);
        expect({ kill, f1, now, possible: [...possible] }).toSatisfy(() => possible.has(now));
        state.set(f1, new Set([now]));
        routes.delete(f1);
      }
      expect([...routes.keys()]).toEqual([]);
    }
    expect(answered).toBeGreaterThan(KILLS);
  },
  Math.max(120_000, KILLS * 6_000),
);

it("one that was acknowledged in the very turn before is there, and a route, not only an entry of a list", async () => {
  expect(await relay.relayctl("route", "add", "a", "b")).toMatchObject({ code: 0 });
  await relay.crash();
  await relay.boot();
  const { ends } = await meet(relay, await relay.issue("a"), await relay.issue("b"));
  for (const end of ends) end.destroy();
  const gone = relay.control.deleteRoute("a", "b").then(() => relay.process.kill("SIGKILL"));
  await gone;
  await relay.crash();
  await relay.boot();
  expect((await found()).has("a")).toBe(false);
});
