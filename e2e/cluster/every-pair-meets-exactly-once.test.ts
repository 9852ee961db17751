import { randomBytes, randomInt } from "node:crypto";
import { ask, digest, type End, type FunctionFiles, readAll } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RunningCluster } from "./running-cluster.ts";

/** In all; as many are under way at once as a client machine of two cores can bear. */
const PAIRS = Number(process.env.CLUSTER_PAIRS ?? 200);
const AT_ONCE = 25;

let cluster: RunningCluster;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  cluster = await RunningCluster.start({ relays: 3, routes: [["f1", "f2"]] });
  f1 = await cluster.issue("f1");
  f2 = await cluster.issue("f2");
});
afterAll(() => cluster.stop());

it(`pairs ${PAIRS} pairs that arrive at random relays and in random order, each once and with its own peer`, {
  timeout: 600_000,
}, async () => {
  let next = 0;
  let across = 0;
  const sessions = new Set<string>();
  const worker = async (): Promise<void> => {
    for (let pair = next++; pair < PAIRS; pair = next++) {
      const relays = [randomInt(3), randomInt(3)] as const;
      if (relays[0] !== relays[1]) across++;
      sessions.add(await meetAndCompare(pair, relays));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  expect(sessions.size).toBe(PAIRS);
  expect(across).toBeGreaterThan(PAIRS / 3);
  for (const relay of cluster.relays) await relay.quiet({ own: 1 }); // to NATS
});

/** Both ends at once, in either order; on a channel of their own. */
async function meetAndCompare(pair: number, [one, other]: readonly [number, number]): Promise<string> {
  const fields = { "Relay-Channel": `pair-${pair}` };
  const dials = [
    () => ask(cluster.relay(one), f1, "f2", { fields, transport: pair % 5 === 0 ? "tls" : "raw" }),
    () => ask(cluster.relay(other), f2, "f1", { fields, transport: pair % 7 === 0 ? "tls" : "raw" }),
  ] as const;
  const ends = await inEitherOrder(dials);
  const heads = await Promise.all(ends.map((end) => end.paired()));
  expect(heads[0]?.fields["relay-session"]).toBe(heads[1]?.fields["relay-session"]);
  const sent = ends.map(() => randomBytes(randomInt(1, 100_000)));
  for (const [index, end] of ends.entries()) end.stream.end(sent[index] ?? "");
  const got = await Promise.all(ends.map((end) => readAll(end.stream)));
  expect(got.map(digest)).toEqual(sent.map(digest).toReversed());
  return heads[0]?.fields["relay-session"] ?? "";
}

async function inEitherOrder(dials: readonly [() => Promise<End>, () => Promise<End>]): Promise<[End, End]> {
  if (randomInt(2) === 0) return Promise.all([dials[0](), dials[1]()]);
  const second = await dials[1]();
  return [await dials[0](), second];
}
