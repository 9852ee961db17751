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
  /** of tests: how their paths begin, with a space between */
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
}

export const LONG_FORMS: readonly LongForm[] = [
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
  { name: "routes", project: "e2e", file: "e2e/a-hundred-thousand-routes", env: { ROUTES: "100000", PARKED: "5000" } },
  { name: "pairs of a cluster", project: "e2e", file: "e2e/cluster/every-pair", env: { CLUSTER_PAIRS: "5000" } },
  { name: "cluster", project: "e2e", file: "e2e/cluster/whatever-fails", env: { CLUSTER_SCHEDULES: "500" } },
  { name: "half-close", project: "e2e", file: "e2e/half-close-of-any-size", env: { HALF_CLOSE: "all" } },
  { name: "kills", project: "e2e", file: "e2e/acknowledged-routes", env: { KILLS: "500" } },
  { name: "control", project: "e2e", file: "e2e/security/the-control-api", env: { FUZZ: "200000" } },
  // They have no long form; in a soak they are run besides, on the same machine and commit.
  { name: "detach", project: "e2e", file: "e2e/security/only-close-notify", env: {} },
  { name: "cables", project: "e2e", file: "e2e/faults/a-pulled-cable e2e/faults/a-cable e2e/cluster/a-cable", env: {} },
  { name: "clock", project: "e2e", file: "e2e/faults/a-clock", env: {} },
  { name: "disk", project: "e2e", file: "e2e/faults/a-failing-disk", env: {} },
  { name: "container", project: "e2e", file: "e2e/faults/a-small-container e2e/faults/a-relay-starved", env: {} },
];

/** Of vitest's report, what matters here. */
type Counts = Readonly<Partial<Record<"numPassedTests" | "numTotalTests", number>>>;

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const LONGEST_MS = 3_600_000;

export function longForms(): Part[] {
  return LONG_FORMS.map(({ name, project, file, env }) => {
    const what = [file, ...Object.entries(env).map((entry) => entry.join("="))].join(" ");
    return { name, what, run: () => runVitest(project, file, env) };
  });
}

async function runVitest(project: string, file: string, env: Readonly<Record<string, string>>): Promise<Figures> {
  const directory = await mkdtemp(join(tmpdir(), "relay-soak-"));
  const report = join(directory, "report.json");
  const args = ["run", "--project", project, ...file.split(" "), "--reporter=json", `--outputFile=${report}`];
  try {
    const { code, stdout, stderr } = await runCommand("vitest", args, { cwd: ROOT, env, timeoutMs: LONGEST_MS });
    if (code !== 0) throw new Error(`${file} failed:\n${await readFile(report, "utf8").catch(() => stdout + stderr)}`);
    return figuresOf(JSON.parse(await readFile(report, "utf8")) as Counts);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** A test that was skipped has shown nothing. */
export function figuresOf({ numPassedTests = 0, numTotalTests = 0 }: Counts): Figures {
  if (numPassedTests === 0 || numPassedTests < numTotalTests) {
    throw new Error(`of ${numTotalTests} tests, ${numTotalTests - numPassedTests} were not run`);
  }
  return { testsPassed: numPassedTests };
}
