import fc from "fast-check";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { begin, happenings } from "./commands.test-support.ts";
import { ReferencePairing } from "./reference.test-support.ts";
import { Stage } from "./stage.test-support.ts";

vi.mock(import("../admission/admission.ts"), async (original) => ({
  ...(await original()),
  Admission: (await import("./staged-admission.test-support.ts")).StagedAdmission as never,
}));

const ROUTE = { f1: "f1", f2: "f2" };
const RUNS = Number(process.env.PAIRING_RUNS ?? 300);
const STEPS = 60;
/** that of a run that failed: fast-check prints it */
const SEED = process.env.PAIRING_SEED === undefined ? {} : { seed: Number(process.env.PAIRING_SEED) };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

it(`whatever comes in ${RUNS} runs of ${STEPS} steps, the relay pairs and refuses as PROTOCOL.md says`, {
  timeout: 60_000 + RUNS * 100,
}, async () => {
  await fc.assert(
    fc.asyncProperty(happenings(STEPS), async (steps) => {
      const [reference, stage] = [new ReferencePairing(), new Stage()];
      begin(reference, stage);
      try {
        await fc.asyncModelRun(() => ({ model: { reference }, real: stage }), steps);
      } finally {
        await stage.close();
      }
      expect(stage.relay.usage()).toEqual({ handshakes: 0, connections: 0, sessions: 0 });
      expect(vi.getTimerCount()).toBe(0);
    }),
    { numRuns: RUNS, ...SEED },
  );
});

const F1 = { name: "f1", peer: "f2", channel: "443", role: undefined, wait: 20, key: "key" };
const F2 = { ...F1, name: "f2", peer: "f1" };

it.each([
  ["the route is deleted with its sessions", "route_deleted", (stage: Stage) => stage.deleteRoute(ROUTE, true)],
  ["the drain's deadline is over", "drain_deadline", endDrain],
])("a pair that is being joined when %s has no session", async (_when, reason, end) => {
  const stage = new Stage();
  stage.setRoute(ROUTE);
  for (const [index, who] of [F1, F2].entries()) {
    await stage.ask(who);
    await stage.detach(index);
  }
  await end(stage);
  await stage.join(0);
  expect(stage.fates()).toEqual([
    `paired with 1, f2, as client, until ${reason}`,
    `paired with 0, f1, as server, until ${reason}`,
  ]);
  await stage.close();
});

async function endDrain(stage: Stage): Promise<void> {
  await stage.drain(1);
  await stage.advance(1, (ms) => vi.advanceTimersByTimeAsync(ms));
}
