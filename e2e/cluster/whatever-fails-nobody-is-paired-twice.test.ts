/**
 * Random schedules: functions arrive at random relays, while relays are killed, stopped and continued, and NATS is stopped and
 * started. What the functions saw is then held against the rules. CLUSTER_SCHEDULES says how many; CLUSTER_SEED repeats one.
 */
import { setTimeout as after } from "node:timers/promises";
import { type FunctionFiles, until } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type EndHistory, faultsOf } from "./history.ts";
import { RunningCluster } from "./running-cluster.ts";
import { wander } from "./wandering-end.ts";

const SCHEDULES = Number(process.env.CLUSTER_SCHEDULES ?? 6);
const SEED = Number(process.env.CLUSTER_SEED ?? Date.now() % 1_000_000);
const PAIRS = 10;
const RELAYS = 3;
const ARRIVE_WITHIN_MS = 800;
/** Longer than anything is away, than a grant, and than a wait. */
const DEADLINE_MS = 20_000;

let cluster: RunningCluster;
let f1: FunctionFiles;
let f2: FunctionFiles;
let routes = 0;

beforeAll(async () => {
  cluster = await RunningCluster.start({ relays: RELAYS, routes: [["f1", "f2"]] });
  f1 = await cluster.issue("f1");
  f2 = await cluster.issue("f2");
});
afterAll(() => cluster.stop());

it.each(Array.from({ length: SCHEDULES }, (_, index) => SEED + index))(
  "schedule %d",
  { timeout: 60_000 },
  async (seed) => {
    const random = randomFrom(seed);
    const added: string[] = [];
    const disturbing = disturb(random, added);
    const history = await Promise.all(arrivals(random, seed));
    await disturbing;
    expect(faultsOf(history)).toEqual([]);
    await until("every acknowledged route is known everywhere", async () => {
      const lists = await Promise.all(cluster.relays.map(({ control }) => control.listRoutes()));
      return lists.every((list) => added.every((name) => list.some((route) => route.f1 === name)));
    });
  },
);

function arrivals(random: () => number, seed: number): Promise<EndHistory>[] {
  const ports = cluster.relays.map(({ port }) => port);
  return Array.from({ length: PAIRS }, (_, index) => index).flatMap((index) =>
    (["f1", "f2"] as const).map(async (name) => {
      const start = Math.floor(random() * RELAYS);
      const transport = random() < 0.2 ? "tls" : "raw";
      const order = [...ports.slice(start), ...ports.slice(0, start)];
      await after(random() * ARRIVE_WITHIN_MS);
      const files = name === "f1" ? f1 : f2;
      return await wander({ pair: `${seed}-${index}`, name, files, ports: order, transport, deadlineMs: DEADLINE_MS });
    }),
  );
}

/** One to three things go wrong, one after the other, and are right again at the end. */
async function disturb(random: () => number, added: string[]): Promise<void> {
  const times = 1 + Math.floor(random() * 3);
  for (let index = 0; index < times; index++) {
    await after(random() * 400);
    const relay = cluster.relay(Math.floor(random() * RELAYS));
    const away = 100 + random() * 1_200;
    const what = random();
    if (what < 0.35) {
      await relay.crash();
      await after(away / 4);
      await relay.boot();
    } else if (what < 0.65) {
      relay.process.kill("SIGSTOP");
      await after(away);
      relay.process.kill("SIGCONT");
    } else if (what < 0.85) {
      await cluster.nats.halt();
      await after(away);
      await cluster.nats.boot();
    } else {
      const name = `r${routes++}`;
      const { ok } = await relay.control.addRoute({ f1: name, f2: "x" }).then(
        () => ({ ok: true }),
        () => ({ ok: false }),
      );
      if (ok) added.push(name);
    }
  }
  await until("all relays have NATS", async () => {
    const states = cluster.relays.map(async ({ control }) => (await control.status()).cluster?.nats);
    return (await Promise.all(states)).every((state) => state === "connected");
  });
}

function randomFrom(seed: number): () => number {
  let state = Math.imul(seed, 2_654_435_761) | 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 8) / 2 ** 24;
  };
}
