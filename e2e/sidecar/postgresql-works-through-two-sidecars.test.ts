import { digest, Postgres, Sidecars } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

/** 5,000 and more in the long form. */
const TRANSACTIONS = Number(process.env.PGBENCH_TRANSACTIONS ?? 100);
const CLIENTS = 4;
/** 1 MB in, 8 MB out. */
const ROWS = 200_000;

let sidecars: Sidecars;
let postgres: Postgres;
/** where f2's PostgreSQL is found by programs beside f1 */
let port: number;

beforeAll(async () => {
  [sidecars, postgres] = await Promise.all([Sidecars.start(), Postgres.start("fsync=off")]);
  port = await sidecars.connect(`127.0.0.1:${postgres.port}`);
});

afterAll(async () => {
  await sidecars.finish();
  await postgres.stop();
});

async function query(at: number, sql: string): Promise<string> {
  const { code, stdout, stderr } = await postgres.client("psql", at, "-v", "ON_ERROR_STOP=1", "-AtXqc", sql);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

it("psql: queries and errors, a table copied in, and the same out again", async () => {
  expect(await query(port, "select 6 * 7")).toBe("42\n");
  const { code, stderr } = await postgres.client("psql", port, "-Xc", "select * from nowhere");
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('"nowhere" does not exist') });
  await query(port, "create table numbers (n int)");
  await query(port, `\\copy numbers from program 'seq 1 ${ROWS}'`);
  const count = "select count(*), sum(n) from numbers";
  expect(await query(postgres.port, count)).toBe(`${ROWS}|${(ROWS * (ROWS + 1)) / 2}\n`);
  const all = "copy (select n, md5(n::text) from numbers order by n) to stdout";
  expect(digest(await query(port, all))).toBe(digest(await query(postgres.port, all)));
});

it("pgbench: its default workload, without an error", async () => {
  const prepared = await postgres.client("pgbench", port, "-i", "-q");
  expect(prepared).toMatchObject({ code: 0 });
  const { code, stdout, stderr } = await postgres.client("pgbench", port, "-c", `${CLIENTS}`, "-t", `${TRANSACTIONS}`);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const all = CLIENTS * TRANSACTIONS;
  expect(stdout).toContain(`number of transactions actually processed: ${all}/${all}`);
  expect(stdout).toContain("number of failed transactions: 0 (0.000%)");
  expect(await query(postgres.port, "select count(*) from pgbench_history")).toBe(`${all}\n`);
});
