/**
 * relayctl: from the command line to an exit code. oclif finds and runs the command; whatever goes wrong ends up here, and
 * is reported in one place.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { PJSON } from "@oclif/core/interfaces";
import { run } from "@oclif/core/run";
import { settings } from "@oclif/core/settings";
import { arrange, wantsJson } from "./command-line.ts";
import { reportFailure } from "./failure.ts";

export { unknownCommand } from "./unknown-command.ts"; // oclif looks for it here: package.json, oclif.hooks

const PACKAGE_ROOT = fileURLToPath(new URL("../..", import.meta.url));

export async function main(commandLine: string[]): Promise<void> {
  settings.enableAutoTranspile = false; // never look for TypeScript sources, whatever NODE_ENV says
  const argv = arrange(commandLine);
  try {
    await run(argv, { root: PACKAGE_ROOT, pjson: readManifest(), devPlugins: false, userPlugins: false });
  } catch (error) {
    process.exitCode = reportFailure(error, wantsJson(argv));
  }
}

/** package.json, which holds the settings for oclif; under the name that the program goes by. */
function readManifest(): PJSON {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as PJSON;
  return { ...manifest, name: "relayctl" };
}
