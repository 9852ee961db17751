/**
 *     node bench/src/cluster-sim/main.ts [--measured FILE]
 *
 * What clusters of up to 1,000 relays with 10 million parked functions come to, on paper: a table, within a second or two.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Figures } from "../cluster/figures.ts";
import { grid } from "../table.ts";
import { type Outcome, type Scenario, simulate } from "./model.ts";

const measuredFile = fileURLToPath(new URL("../../results/cluster.json", import.meta.url));
const MIB = 2 ** 20;

const usual = { waitSeconds: 600, affinity: 0, sessionBytes: 10 * MIB };
const scenarios: readonly Scenario[] = [
  { ...usual, relays: 3, natsServers: 1, parked: 10_000 },
  { ...usual, relays: 10, natsServers: 3, parked: 100_000 },
  { ...usual, relays: 100, natsServers: 3, parked: 1_000_000 },
  { ...usual, relays: 1_000, natsServers: 9, parked: 10_000_000 },
  { ...usual, relays: 1_000, natsServers: 9, parked: 10_000_000, affinity: 0.9 },
];

const ROWS: readonly (readonly [string, (outcome: Outcome, scenario: Scenario) => string])[] = [
  ["NATS servers", (_, { natsServers }) => count(natsServers)],
  ["parked functions", (_, { parked }) => count(parked)],
  ["pairs sent to one relay by the balancer", (_, { affinity }) => percent(affinity)],
  ["pairings a second", ({ pairingsPerSecond }) => count(pairingsPerSecond)],
  ["of these across two relays", ({ hopShare }) => percent(hopShare)],
  ["busiest relay's hops, × average", ({ unevenness }) => unevenness.toFixed(2)],
  ["questions for a pair", ({ questionsPerPairing }) => questionsPerPairing.toFixed(2)],
  ["NATS messages for a pair, in and out", ({ messagesPerPairing }) => messagesPerPairing.toFixed(1)],
  ["NATS messages a second, a server", ({ messagesPerServer }) => count(messagesPerServer)],
  ["the same in KiB/s", ({ bytesPerServer }) => count(bytesPerServer / 1024)],
  ["interest from server to server, a second, a server", ({ interestPerServer }) => count(interestPerServer)],
  ["subscriptions, a relay", ({ subscriptionsPerRelay }) => count(subscriptionsPerRelay)],
  ["subscriptions, a NATS server", ({ subscriptionsPerServer }) => count(subscriptionsPerServer)],
  ["NATS memory, GiB, a server", ({ natsMemoryPerServer }) => (natsMemoryPerServer / 2 ** 30).toFixed(2)],
  ["NATS cores, a server", ({ natsCoresPerServer }) => natsCoresPerServer.toFixed(2)],
  ["relay memory for the parked, MiB, a relay", ({ relayMemory }) => count(relayMemory / MIB)],
  ["relay cores, a relay, at 10 MiB a session", ({ relayCores }) => relayCores.toFixed(2)],
  ["between relays, MiB/s, a relay", ({ hopBytesPerRelay }) => count(hopBytesPerRelay / MIB)],
];

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== "--"),
  options: { measured: { type: "string", default: measuredFile } },
});
const { figures } = JSON.parse(readFileSync(values.measured, "utf8")) as { figures: Figures };
const outcomes = scenarios.map((scenario) => ({ scenario, outcome: simulate(scenario, figures) }));
const table = ROWS.map(([title, read]) => [title, ...outcomes.map(({ outcome, scenario }) => read(outcome, scenario))]);
process.stdout.write(`${grid(["relays", ...scenarios.map(({ relays }) => count(relays))], table)}\n`);

function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
