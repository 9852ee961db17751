/** The long forms of tests that CI runs in a quick form: each is reached by an environment variable of its own. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "@serverless-relay/testkit";
import type { Figures, Part } from "./part.ts";

interface LongForm {
  readonly name: string;
  readonly project: "unit" | "e2e";
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
}

const LONG_FORMS: readonly LongForm[] = [
  { name: "pairing rules", project: "unit", file: "packages/relay-core/src/model/", env: { PAIRING_RUNS: "10000" } },
  { name: "churn in one process", project: "unit", file: "splice/kernel/churn", env: { CHURN_SESSIONS: "50000" } },
  { name: "races", project: "e2e", file: "e2e/faults/whoever-vanishes", env: { RACES: "10000" } },
  { name: "resets", project: "e2e", file: "e2e/faults/a-session-cut-off", env: { RESETS: "2000" } },
  { name: "descriptors", project: "e2e", file: "e2e/faults/no-descriptor", env: { TRACED_SESSIONS: "2000" } },
  { name: "requests", project: "unit", file: "packages/relay-core/src/judgement", env: { FUZZ_REQUESTS: "1000000" } },
  {
    name: "requests on the wire",
    project: "e2e",
    file: "e2e/security/a-request-is-judged",
    env: { FUZZ_CONNECTIONS: "10000" },
  },
  { name: "certificates", project: "e2e", file: "e2e/security/exactly-the-right", env: { CERTIFICATES: "2000" } },
  { name: "routes", project: "e2e", file: "e2e/a-hundred-thousand-routes", env: { ROUTES: "100000" } },
  { name: "pairs of a cluster", project: "e2e", file: "e2e/cluster/every-pair", env: { CLUSTER_PAIRS: "5000" } },
  { name: "cluster", project: "e2e", file: "e2e/cluster/whatever-fails", env: { CLUSTER_SCHEDULES: "500" } },
  { name: "half-close", project: "e2e", file: "e2e/half-close-of-any-size", env: { HALF_CLOSE: "all" } },
];

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const LONGEST_MS = 3_600_000;

export function longForms(): Part[] {
  return LONG_FORMS.map(({ name, project, file, env }) => {
    const what = `${file} with ${Object.entries(env)
      .map((entry) => entry.join("="))
      .join(" ")}`;
    return { name, what, run: () => runVitest(project, file, env) };
  });
}

async function runVitest(project: string, file: string, env: Readonly<Record<string, string>>): Promise<Figures> {
  const directory = await mkdtemp(join(tmpdir(), "relay-soak-"));
  const report = join(directory, "report.json");
  const args = ["run", "--project", project, file, "--reporter=json", `--outputFile=${report}`];
  try {
    const { code, stdout, stderr } = await runCommand("vitest", args, { cwd: ROOT, env, timeoutMs: LONGEST_MS });
    if (code !== 0) throw new Error(`${file} failed:\n${await readFile(report, "utf8").catch(() => stdout + stderr)}`);
    const { numPassedTests, numPendingTests } = JSON.parse(await readFile(report, "utf8")) as Record<string, number>;
    return { testsPassed: numPassedTests ?? 0, testsSkipped: numPendingTests ?? 0 };
  } finally {
    await rm(directory, { recursive: true });
  }
}
