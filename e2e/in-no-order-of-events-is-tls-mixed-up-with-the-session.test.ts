import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

// Every order of events of the formal model, by spin; what it leaves out is said at its head.
const MODEL = fileURLToPath(new URL("../packages/relay-protocol/model/pairing.pml", import.meta.url));

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "relay-model-"));
});

afterAll(() => rm(directory, { recursive: true }));

/** What the checker says of the model, all its states searched. */
async function check(define?: string): Promise<string> {
  const cwd = join(directory, define ?? "as-it-is");
  await runCommand("mkdir", [cwd]);
  await copyFile(MODEL, join(cwd, "pairing.pml"));
  const defines = define === undefined ? [] : [`-D${define}`];
  for (const [command, ...args] of [
    ["spin", ...defines, "-a", "pairing.pml"],
    ["gcc", "-O1", "-DSAFETY", "-o", "pan", "pan.c"],
  ] as const) {
    const { code, stdout, stderr } = await runCommand(command, args, { cwd });
    expect(code, stdout + stderr).toBe(0);
  }
  return (await runCommand("./pan", ["-m10000"], { cwd, timeoutMs: 55_000 })).stdout;
}

it("the two meet, or are told that they do not, without a deadlock, whichever vanishes and whoever pipelines", async () => {
  const said = await check();
  expect(said).toContain("errors: 0");
  expect(said).not.toMatch(/max search depth too small|Search not completed/);
  // Nothing but its assertions is never reached: so each of the events that it describes does happen.
  for (const [line] of said.matchAll(/^\t.*, state \d+, .*$/gm)) expect(line).toContain('"assert(0)"');
});

it.each(["READY_WHEN_READ", "READY_WHEN_SENT"])(
  "%s: parked after one close_notify of the two, bytes of the session come inside TLS",
  async (fault) => {
    expect(await check(fault)).toMatch(/assertion violated 0[\s\S]*errors: 1/);
  },
);
