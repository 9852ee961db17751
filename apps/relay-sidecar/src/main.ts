/**
 * relay-sidecar: from the command line to an exit code. oclif finds and runs the command; whatever goes wrong ends up here,
 * and is reported in one place.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { PJSON } from "@oclif/core/interfaces";
import { run } from "@oclif/core/run";
import { settings } from "@oclif/core/settings";
import { reportFailure } from "./failure.ts";

export async function main(commandLine: readonly string[]): Promise<void> {
  settings.enableAutoTranspile = false; // never look for TypeScript sources, whatever NODE_ENV says
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as PJSON;
  try {
    await run(withHelp(commandLine), {
      root,
      pjson: { ...manifest, name: "relay-sidecar" }, // the name that the program goes by
      devPlugins: false,
      userPlugins: false,
    });
  } catch (error) {
    process.exitCode = reportFailure(error);
  }
}

function withHelp(commandLine: readonly string[]): string[] {
  const [first, ...rest] = commandLine;
  return first === undefined || first === "help" ? [...rest, "--help"] : [...commandLine];
}
