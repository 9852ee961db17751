import { afterAll, beforeAll, expect, it } from "vitest";
import { Functions } from "./crowd.ts";
import type { EndHistory } from "./history.ts";
import { Network } from "./network.ts";
import { RunningCluster } from "./running-cluster.ts";

let network: Network;
let cluster: RunningCluster;
let functions: Functions;

beforeAll(async () => {
  network = await Network.create(2);
  cluster = await RunningCluster.start({ relays: 2, routes: [["f1", "f2"]], network });
  functions = await Functions.start(network.outside.under);
});
afterAll(async () => {
  await functions.stop();
  await cluster.stop();
  await network.remove();
});

/** One function at each of the two relays; neither goes to the other one. */
async function meetAcross(pair: string, deadlineMs: number): Promise<EndHistory[]> {
  const [f1, f2] = [await cluster.issue("f1"), await cluster.issue("f2")];
  const doors = cluster.relays.map(({ port }, index) => ({ host: network.hosts[index]?.address ?? "", port }));
  const common = { pair, transport: "raw", startsAfterMs: 0, deadlineMs, stays: true } as const;
  const identities = { f1: { cert: f1.cert, key: f1.key, ca: f1.ca }, f2: { cert: f2.cert, key: f2.key, ca: f2.ca } };
  const wanderers = [
    { ...common, name: "f1" as const, firstDoor: 0 },
    { ...common, name: "f2" as const, firstDoor: 1 },
  ];
  return await functions.wander({ doors, identities, wanderers });
}

it("functions at them are told that no peer came, nothing is half open, and they meet once the relays can", async () => {
  const [one, other] = network.hosts;
  if (one === undefined || other === undefined) throw new Error("there are two");
  await network.cut(one, [other]);
  const apart = await meetAcross("apart", 1_000);
  for (const { attempts, outcome } of apart) {
    expect(outcome).toBe("gave up");
    expect(attempts.map(({ session, reason }) => [session, reason])).toEqual([[null, "peer_timeout"]]);
  }
  for (const { control } of cluster.relays) expect(await control.listSessions()).toEqual([]);
  const complaints = cluster.relays.flatMap(({ process }) =>
    process.lines.filter((line) => line.includes("a hop to ")),
  );
  expect(complaints.join("\n")).toContain("a hop to another relay failed");
  const hops = async () => {
    const states = await Promise.all(cluster.relays.map(({ control }) => control.status()));
    const count = (outcome: "met" | "timed_out" | "unreachable") =>
      states.reduce((sum, { cluster: state }) => sum + (state?.hops[outcome] ?? 0), 0);
    return { met: count("met"), failed: count("timed_out") + count("unreachable") };
  };
  expect(await hops()).toEqual({ met: 0, failed: expect.toSatisfy((failed: number) => failed > 0) });
  await network.heal(one);
  const together = await meetAcross("together", 20_000);
  expect(together.map(({ outcome }) => outcome)).toEqual(["talked", "talked"]);
  expect((await hops()).met).toBe(1);
});
