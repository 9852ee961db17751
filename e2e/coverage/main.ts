/**
 * Which lines of relay-protocol and relay-core all suites together run, in whichever process. Arguments are given to vitest:
 * names of test files, for a part. Ends with 1 if it is less than TARGET, whatever tests failed: a slow machine fails some that
 * compare times, and what they ran has been run.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CoverageReport } from "monocart-coverage-reports";

/** Per cent of lines. */
const TARGET = 95;
const root = fileURLToPath(new URL("../..", import.meta.url));
const counts = `${root}coverage/counts`;

rmSync(`${root}coverage`, { recursive: true, force: true });
const tests = spawnSync("vitest", ["run", "--config", "e2e/coverage/vitest.config.ts", ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, NODE_V8_COVERAGE: counts },
});
const report = new CoverageReport({
  name: "relay-protocol and relay-core, by all suites",
  baseDir: root,
  outputDir: `${root}coverage/report`,
  reports: ["console-details", "html", "lcovonly"],
  entryFilter: ({ url }) => /\/packages\/relay-(core|protocol)\/dist\//.test(url),
  sourceFilter: (path) => !/\.(test|suite|test-support)\.[jt]s$/.test(path),
});
await report.addFromDir(counts);
const lines = (await report.generate())?.summary.lines;
const percent = Number(lines?.pct ?? 0);
console.log(
  `${lines?.covered} of ${lines?.total} lines: ${percent} %, and ${TARGET} are wanted; vitest ended with ${tests.status}`,
);
process.exitCode = percent < TARGET ? 1 : 0;
