/**
 * Random schedules: functions arrive at random relays, while relays are killed, stopped, and cut off from one another and from
 * NATS by a firewall; while NATS, one server or three, is stopped and killed; and while routes are added and deleted. What the
 * functions saw and the relays logged is then held against the rules. CLUSTER_SCHEDULES says how many; CLUSTER_SEED repeats one
 * (its plan, that is: what meets what in time is the machine's to say).
 */
import { setTimeout as after } from "node:timers/promises";
import { until } from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Functions } from "./crowd.ts";
import { Disturbance, type Random } from "./disturbance.ts";
import type { Crowd } from "./functions.ts";
import { faultsOf } from "./history.ts";
import { Network } from "./network.ts";
import { RunningCluster } from "./running-cluster.ts";
import type { Wanderer } from "./wandering-end.ts";

const SCHEDULES = Number(process.env.CLUSTER_SCHEDULES ?? 4);
const SEED = Number(process.env.CLUSTER_SEED ?? Date.now() % 1_000_000);
const PAIRS = 8;
const RELAYS = 3;
const ARRIVE_WITHIN_MS = 700;
/** Longer than anything is away, than a grant, and than a wait. */
const DEADLINE_MS = 30_000;

describe.each([{ natsServers: 1 as const }, { natsServers: 3 as const }])(
  "with $natsServers NATS server(s)",
  (options) => {
    let network: Network;
    let cluster: RunningCluster;
    let functions: Functions;
    let identities: Crowd["identities"];

    beforeAll(async () => {
      network = await Network.create(RELAYS);
      cluster = await RunningCluster.start({ ...options, relays: RELAYS, routes: [["f1", "f2"]], network });
      functions = await Functions.start(network.outside.under);
      const identity = async (name: string) => {
        const { cert, key, ca } = await cluster.issue(name);
        return { cert, key, ca };
      };
      identities = { f1: await identity("f1"), f2: await identity("f2") };
    }, 120_000);
    afterAll(async () => {
      await functions.stop();
      await cluster.stop();
      await network.remove();
    }, 60_000);

    const seeds = Array.from({ length: Math.ceil(SCHEDULES / 2) }, (_, index) => SEED + index);
    it.each(seeds)("schedule %d", { timeout: 120_000 }, async (seed) => {
      const random = randomFrom(seed);
      const wanderers = arrivals(random, seed);
      const routes = new RouteChanges(cluster, random, seed);
      const disturbance = new Disturbance(cluster, network, random);
      const doors = cluster.relays.map(({ port }, index) => ({ host: network.hosts[index]?.address ?? "", port }));
      const [ends] = await Promise.all([
        functions.wander({ doors, identities, wanderers }),
        disturbance.run(),
        routes.run(),
      ]);
      const { silences, story } = disturbance;
      await expect
        // The last lines of a log come a moment after what they tell of.
        .poll(() => faultsOf({ ends, joined: disturbance.collect(), silences }), {
          timeout: 5_000,
          message: story.join("\n"),
        })
        .toEqual([]);
      await routes.settled();
    });
  },
);

function arrivals(random: Random, seed: number): Wanderer[] {
  return Array.from({ length: PAIRS }, (_, index) => index).flatMap((index) =>
    (["f1", "f2"] as const).map((name) => ({
      pair: `${seed}-${index}`,
      name,
      firstDoor: Math.floor(random() * RELAYS),
      transport: random() < 0.2 ? ("tls" as const) : ("raw" as const),
      startsAfterMs: random() * ARRIVE_WITHIN_MS,
      deadlineMs: DEADLINE_MS,
    })),
  );
}

/** Routes that are added, and some of them deleted, by whichever relay; what was acknowledged holds. */
class RouteChanges {
  readonly #cluster: RunningCluster;
  readonly #plan: readonly { readonly name: string; readonly relays: readonly number[]; readonly pauseMs: number }[];
  readonly #there = new Set<string>();
  readonly #gone = new Set<string>();

  constructor(cluster: RunningCluster, random: Random, seed: number) {
    this.#cluster = cluster;
    this.#plan = Array.from({ length: 3 }, (_, index) => ({
      name: `r${seed}-${index}`,
      relays: [random(), random()].map((which) => Math.floor(which * RELAYS)),
      pauseMs: random() * 400,
    }));
  }

  async run(): Promise<void> {
    for (const { name, relays, pauseMs } of this.#plan) {
      const [adds = 0, deletes = 0] = relays;
      await after(pauseMs);
      if (!(await this.#isAcknowledged(this.#cluster.relay(adds).control.addRoute({ f1: name, f2: "x" })))) continue;
      this.#there.add(name);
      await after(pauseMs);
      if (deletes === 0) continue;
      this.#there.delete(name); // from now on it may be gone, acknowledged or not
      if (await this.#isAcknowledged(this.#cluster.relay(deletes).control.deleteRoute(name, "x"))) this.#gone.add(name);
    }
  }

  async settled(): Promise<void> {
    await until(
      "what was added is known everywhere, and what was deleted is known nowhere",
      async () => {
        const lists = await Promise.all(this.#cluster.relays.map(({ control }) => control.listRoutes()));
        return lists.every((list) => {
          const names = new Set(list.map(({ f1 }) => f1));
          return [...this.#there].every((name) => names.has(name)) && ![...this.#gone].some((name) => names.has(name));
        });
      },
      40_000,
    );
  }

  async #isAcknowledged(change: Promise<unknown>): Promise<boolean> {
    return await change.then(
      () => true,
      () => false,
    );
  }
}

function randomFrom(seed: number): Random {
  let state = Math.imul(seed, 2_654_435_761) | 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 8) / 2 ** 24;
  };
}
