/**
 *     node bench/src/main.ts [--quick] [--only NAME]... [--json FILE]
 *
 * Measures this relay and its peers in one run; prints tables, and writes JSON and a chart into bench/results.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildNative } from "./build.ts";
import { renderChart } from "./chart.ts";
import { Ground } from "./ground.ts";
import type { Peer } from "./peer.ts";
import { peers } from "./peers/index.ts";
import { fullPlan, quickPlan } from "./plan.ts";
import { makeReport, type Report } from "./report.ts";
import { run } from "./run.ts";
import { renderReport } from "./table.ts";

const EXIT_USAGE = 2;
const results = fileURLToPath(new URL("../results/", import.meta.url));

// What has been started, and the temporary directory, go with "exit", whatever brings it about.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

const { quick, only, json } = readOptions();
const plan = quick ? quickPlan : fullPlan;
const chosen = choose(only, quick);
const begin = Date.now();
const ground = await Ground.prepare(await buildNative());
const rows = await run(chosen, plan, ground, (text) => {
  process.stderr.write(`[${((Date.now() - begin) / 1000).toFixed(0).padStart(4)} s] ${text}\n`);
});
const report = makeReport(rows, plan, (Date.now() - begin) / 1000);
process.stdout.write(renderReport(report));
await keep(report, only.length > 0 ? "partial" : plan.name);
if (rows.some(({ failures }) => failures.length > 0)) process.exitCode = 1;

function readOptions(): { quick: boolean; only: readonly string[]; json: string | undefined } {
  const options = {
    quick: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] as string[] },
    json: { type: "string" },
  } as const;
  try {
    // pnpm hands over the "--" that stands before a script's own options
    const args = process.argv.slice(2).filter((argument) => argument !== "--");
    const { values } = parseArgs({ args, options });
    return { quick: values.quick, only: values.only, json: values.json };
  } catch (error) {
    usage(error instanceof Error ? error.message : String(error));
  }
}

function choose(names: readonly string[], quickOnly: boolean): readonly Peer[] {
  const unknown = names.find((name) => !peers.some((peer) => peer.name === name));
  if (unknown !== undefined)
    usage(`--only ${unknown}: no such row; one of ${peers.map(({ name }) => name).join(", ")}`);
  if (names.length > 0) return peers.filter(({ name }) => names.includes(name));
  return quickOnly ? peers.filter((peer) => peer.quick) : peers;
}

function usage(problem: string): never {
  process.stderr.write(`${problem}\nusage: bench [--quick] [--only NAME]... [--json FILE]\n`);
  process.exit(EXIT_USAGE);
}

async function keep(found: Report, name: string): Promise<void> {
  await mkdir(results, { recursive: true });
  const text = `${JSON.stringify(found, null, 2)}\n`;
  await writeFile(join(results, `${name}.json`), text);
  await writeFile(join(results, `${name}.svg`), renderChart(found));
  if (json !== undefined) await writeFile(json, text);
}
