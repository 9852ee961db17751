/**
 * The long form of the promises that CI holds in a quick one: `npx -y pnpm@12 soak`. Prints a table of what was run and what it
 * found, to be kept in docs/reliability.md, and the same as JSON. Ends with 1 if a promise was broken.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import { seedFrom } from "@serverless-relay/testkit";
import { Load } from "./load.ts";
import { LONG_FORMS, longForms } from "./long-forms.ts";
import { type Outcome, type Part, runPart } from "./part.ts";

/** The parts that run on one relayd. */
const LOADS = ["bytes", "churn", "memory"];

const USAGE = `usage: soak [--minutes 15] [--gib 100] [--sessions 50000] [--only PART,PART] [--out FILE.json]

  --minutes   of steady load; bytes and churn stop after as many, too, if they are not done
  --gib       that are verified, each way
  --sessions  that come and go
  --only      ${[...LOADS, ...LONG_FORMS.map(({ name }) => name)].join(", ")};
              default: everything
  --out       a file that gets the figures as JSON; by default they are printed
`;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "15" },
    gib: { type: "string", default: "100" },
    sessions: { type: "string", default: "50000" },
    only: { type: "string" },
    out: { type: "string" },
    help: { type: "boolean" },
  },
});
const only = values.only?.split(",");
const names = [...LOADS, ...LONG_FORMS.map(({ name }) => name)];
const unknown = only?.filter((name) => !names.includes(name)) ?? [];
if (unknown.length > 0) {
  console.error(`--only: there is no part ${unknown.join(", ")}; there are: ${names.join(", ")}`);
  process.exit(64);
}

if (values.help === true) console.log(USAGE);
else await soak();

async function soak(): Promise<void> {
  const began = new Date();
  const seed = seedFrom("SOAK_SEED");
  const outcomes = [...(await underLoad(seed)), ...(await runAll(longForms().filter(isWanted)))];
  const report = { date: began.toISOString(), ...machine(), seed, outcomes };
  if (values.out === undefined) console.log(JSON.stringify(report, null, 2));
  else writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`);
  console.log(table(outcomes));
  if (outcomes.some(({ held }) => !held)) process.exitCode = 1;
}

async function underLoad(seed: number): Promise<Outcome[]> {
  const [minutes, gib, sessions] = [Number(values.minutes), Number(values.gib), Number(values.sessions)];
  if (![minutes, gib, sessions].every((value) => value > 0)) throw new Error(USAGE);
  if (only?.every((name) => !LOADS.includes(name)) === true) return [];
  const load = await Load.start({ minutes, gib, sessions, seed });
  const last = { name: "afterwards", what: "descriptors and pipes are back", run: () => load.finish() };
  return [...(await runAll(load.parts().filter(isWanted))), ...(await runAll([last]))];
}

async function runAll(parts: readonly Part[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const part of parts) {
    process.stderr.write(`${part.name}: ${part.what} ...\n`);
    outcomes.push(await runPart(part));
  }
  return outcomes;
}

function isWanted({ name }: Part): boolean {
  return only === undefined || only.includes(name);
}

function machine(): Record<string, string | number> {
  const git = (...args: string[]) => execFileSync("git", args, { encoding: "utf8" }).trim();
  const commit = git("describe", "--always", "--dirty", "--abbrev=12");
  return { commit, node: process.version, linux: release(), processors: cpus().length };
}

function table(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ part, what, held, seconds, figures, why }) => {
    const found = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
    return `| ${part} | ${what} | ${held ? "held" : "BROKEN"} | ${seconds} s | ${found.join(", ") || (why ?? "").split("\n")[0]} |`;
  });
  return ["| part | what was run | | time | figures |", "| --- | --- | --- | --- | --- |", ...rows].join("\n");
}
