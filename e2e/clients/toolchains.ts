/** Which of the languages of `examples/` this machine can run. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Without these the end-to-end tests are not run at all. */
const REQUIRED = ["python3", "curl", "openssl"];
/** Examples in these are run where they are there: they are too heavy to be asked of everybody. */
const OPTIONAL = ["go", "javac"];

/** The programs that are there. Throws if a required one is missing; says on standard error which others are. */
export function toolchains(): ReadonlySet<string> {
  const missing = REQUIRED.filter((program) => !isInstalled(program));
  if (missing.length > 0) throw new Error(`the tests of the examples need ${missing.join(", ")}; install them`);
  const absent = OPTIONAL.filter((program) => !isInstalled(program));
  for (const program of absent)
    process.stderr.write(`NOT RUN: examples that need ${program}, which is not installed\n`);
  return new Set([...REQUIRED, ...OPTIONAL].filter((program) => !absent.includes(program)));
}

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
