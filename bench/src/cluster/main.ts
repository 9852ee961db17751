/**
 *     node bench/src/cluster/main.ts [--quick]
 *
 * Measures three relays that are one cluster beside one of them, in one run, on loopback with a real NATS server; prints
 * tables, and writes cluster.json into bench/results (cluster-quick.json with --quick), which the simulation is built on.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildNative } from "../build.ts";
import { Ground } from "../ground.ts";
import { type Machine, thisMachine } from "../report.ts";
import { grid } from "../table.ts";
import { type FigureName, type Figures, PACE_MS, targets } from "./figures.ts";
import { Fleet } from "./fleet.ts";
import {
  type ClusterPlan,
  measureBulk,
  measurePacedSetup,
  measureParked,
  measureSetup,
  RELAYS,
  type Scene,
  warmUp,
} from "./measures.ts";
import { Proxies } from "./proxies.ts";

const full: ClusterPlan = {
  rounds: 5,
  setupCount: 200,
  bulkSeconds: 2,
  parked: 10_000,
  settleSeconds: 12,
  restSeconds: 45,
};
const quick: ClusterPlan = {
  rounds: 2,
  setupCount: 60,
  bulkSeconds: 0.5,
  parked: 600,
  settleSeconds: 2,
  restSeconds: 3,
};
const results = fileURLToPath(new URL("../../results/", import.meta.url));

process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== "--"),
  options: { quick: { type: "boolean", default: false } },
});
const plan = values.quick ? quick : full;
const begin = Date.now();
const say = (text: string) => {
  process.stderr.write(`[${((Date.now() - begin) / 1000).toFixed(0).padStart(4)} s] ${text}\n`);
};
const ground = await Ground.prepare(await buildNative());
const fleet = await Fleet.start(ground, RELAYS);
const proxies = await Proxies.start(ground);
try {
  const samples = await measure({ ground, fleet, plan, say });
  const figures = mediansOf(samples);
  process.stdout.write(render(figures, thisMachine()));
  await keep({ date: new Date().toISOString(), machine: thisMachine(), relays: RELAYS, plan, figures, samples });
} finally {
  await proxies?.stop();
  await fleet.stop();
}

type Samples = Partial<Record<FigureName, number[]>>;

async function measure(scene: Scene): Promise<Samples> {
  const samples: Samples = {};
  const add = (found: Partial<Figures>) => {
    for (const [name, value] of Object.entries(found) as [FigureName, number][]) {
      samples[name] = [...(samples[name] ?? []), value];
    }
  };
  say("warming up");
  await warmUp(scene);
  for (let round = 0; round < plan.rounds; round++) {
    say(`round ${round + 1} of ${plan.rounds}`);
    add(await measurePacedSetup(scene, round));
    add(await measureSetup(scene, round));
    add(await measureBulk(scene, round));
    if (proxies !== null) add(await proxies.measure(plan.bulkSeconds));
  }
  say(`parking ${plan.parked}`);
  add(await measureParked(scene));
  return samples;
}

function mediansOf(samples: Samples): Figures {
  const medians = Object.entries(samples).map(([name, values]) => {
    const sorted = values.toSorted((a, b) => a - b);
    return [name, sorted[Math.floor(sorted.length / 2)] ?? Number.NaN];
  });
  const notInstalled = { proxyCpuOne: Number.NaN, proxyCpuTwo: Number.NaN };
  return { ...notInstalled, ...Object.fromEntries(medians) } as Figures;
}

function render(figures: Figures, { cores, cpu, kernel }: Machine): string {
  const { pacedLocalP50, pacedAcrossP50, setupLocalP50, setupAcrossP50, setupLocalCpu, setupAcrossCpu } = figures;
  const { rateLocal, rateAcross, cpuLocal, cpuAcross, parkedAlone, parkedInCluster, proxyCpuOne, proxyCpuTwo } =
    figures;
  const { pacedCpuLocal, pacedCpuAcross } = figures;
  const ms = (seconds: number) => (seconds * 1000).toFixed(2);
  const kib = (bytes: number) => (bytes / 1024).toFixed(1);
  const compared = [
    [`set-up of a pair, p50, ms, one every ${PACE_MS} ms`, ms(pacedLocalP50), ms(pacedAcrossP50)],
    ["set-up of a pair, p50, ms, one right after another", ms(setupLocalP50), ms(setupAcrossP50)],
    ["relay CPU to set up a pair, ms", ms(setupLocalCpu), ms(setupAcrossCpu)],
    ["GiB/s, one session", rateLocal.toFixed(2), rateAcross.toFixed(2)],
    ["relay CPU s/GiB, at 0.24 GiB/s", pacedCpuLocal.toFixed(3), pacedCpuAcross.toFixed(3)],
    ["relay CPU s/GiB, as fast as it goes", cpuLocal.toFixed(3), cpuAcross.toFixed(3)],
    ["CPU s/GiB of one HAProxy, of one behind another", proxyCpuOne.toFixed(3), proxyCpuTwo.toFixed(3)],
    ["resident KiB of a parked client", kib(parkedAlone), kib(parkedInCluster)],
  ];
  const nats = [
    [`share of a core, ${figures.parked} parked`, `${(figures.natsShare * 100).toFixed(2)} %`],
    ["messages a second then, in and out", figures.restMessages.toFixed(0)],
    ["resident KiB for each parked client", kib(figures.natsMemory)],
    ["subscriptions for each parked client", figures.subscriptions.toFixed(2)],
    ["messages for one pairing across relays, in and out", figures.pairingMessages.toFixed(2)],
    ["bytes for one pairing across relays, in and out", figures.pairingBytes.toFixed(0)],
    ["CPU for one pairing across relays, ms", ms(figures.pairingNatsCpu)],
  ];
  const verdicts = targets.map(({ what, wanted, of, digits, holds }) => {
    const found = of(figures);
    return [
      what,
      wanted,
      found.toFixed(digits),
      Number.isNaN(found) ? "not measured" : holds(found) ? "holds" : "MISSED",
    ];
  });
  return `${[
    grid(["", "one relay", "across two"], compared),
    grid(["NATS", ""], nats),
    grid(["cluster", "target", "found", ""], verdicts),
    `Medians of ${plan.rounds} rounds. ${cores} cores of ${cpu}, Linux ${kernel}; three relays, NATS and load share them.`,
  ].join("\n\n")}\n`;
}

async function keep(found: object): Promise<void> {
  await mkdir(results, { recursive: true });
  const file = values.quick ? "cluster-quick.json" : "cluster.json";
  await writeFile(join(results, file), `${JSON.stringify(found, null, 2)}\n`);
}
