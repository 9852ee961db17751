/**
 * What PostgreSQL loses on its way through two sidecars and a relay: pgbench over that way beside pgbench over a direct
 * connection, in turn, in one run, against the same server. Everything is on one machine, and shares its cores: the ratio is
 * what is left where neither the network nor the disk hides the cost.
 *
 *     PGBENCH_SECONDS=10 PGBENCH_ROUNDS=5
 */
import { Postgres, Sidecars } from "@serverless-relay/testkit";

const SECONDS = process.env.PGBENCH_SECONDS ?? "10";
const ROUNDS = Number(process.env.PGBENCH_ROUNDS ?? 5);
const WORKLOADS = [
  { title: "default workload, 1 client", args: ["-c", "1"] },
  { title: "default workload, 8 clients", args: ["-c", "8", "-j", "2"] },
  { title: "select only, 8 clients", args: ["-S", "-c", "8", "-j", "2"] },
] as const;

const sidecars = await Sidecars.start();
const postgres = await Postgres.start();
const ways = { direct: postgres.port, sidecars: await sidecars.connect(`127.0.0.1:${postgres.port}`) };
await pgbench(ways.direct, ["-i", "-q", "-s", "10"]);

const table: string[] = [];
for (const { title, args } of WORKLOADS) {
  const rates: Record<keyof typeof ways, number[]> = { direct: [], sidecars: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of ["direct", "sidecars"] as const) {
      const output = await pgbench(ways[way], ["-n", "-T", SECONDS, ...args]);
      if (!output.includes("number of failed transactions: 0 ")) throw new Error(output);
      rates[way].push(Number(/^tps = ([\d.]+)/m.exec(output)?.[1]));
    }
  }
  const [direct, through] = [median(rates.direct), median(rates.sidecars)];
  const ratio = median(rates.sidecars.map((rate, round) => rate / (rates.direct[round] ?? Number.NaN)));
  table.push(
    `${title.padEnd(30)} direct ${direct.toFixed(0).padStart(6)} tps, through sidecars ${through.toFixed(0).padStart(6)} tps, ratio ${ratio.toFixed(2)}`,
  );
  process.stdout.write(`${table.at(-1)}\n`);
}
await sidecars.finish();
await postgres.stop();

async function pgbench(port: number, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await postgres.client("pgbench", port, ...args);
  if (code !== 0) throw new Error(`pgbench ${args.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
