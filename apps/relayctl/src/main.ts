/**
 * relayctl: from the command line to an exit code. A command that is asked for by its name is loaded by itself, and run by
 * oclif; for all else (help, unknown words) oclif is told of every command. Whatever goes wrong ends up here, and is
 * reported in one place.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command } from "@oclif/core/command";
import type { PJSON } from "@oclif/core/interfaces";
import { settings } from "@oclif/core/settings";
import { arrange, wantsHelp, wantsJson } from "./command-line.ts";
import { LOADERS } from "./commands/loaders.ts";
import { reportFailure } from "./failure.ts";

export { unknownCommand } from "./unknown-command.ts"; // oclif looks for it here: package.json, oclif.hooks

const PACKAGE_ROOT = fileURLToPath(new URL("../..", import.meta.url));

export async function main(commandLine: string[]): Promise<void> {
  process.env.RELAYCTL_DISABLE_THEME = "1"; // nor for a file of colours
  settings.enableAutoTranspile = false; // never look for TypeScript sources, whatever NODE_ENV says
  const argv = arrange(commandLine);
  const pjson = readManifest();
  const options = { root: PACKAGE_ROOT, devPlugins: false, userPlugins: false, ignoreManifest: true, pjson };
  try {
    const named = wantsHelp(argv) ? undefined : await namedCommand(argv);
    if (named !== undefined) {
      const { commands: _, ...oclif } = pjson.oclif; // oclif would load them all
      await named.command.run(named.rest, { ...options, pjson: { ...pjson, oclif } });
    } else {
      const { run } = await import("@oclif/core/run");
      await run(argv, options);
    }
  } catch (error) {
    process.exitCode = reportFailure(error, wantsJson(argv));
  }
}

interface NamedCommand {
  readonly command: Command.Class;
  /** its arguments and flags */
  readonly rest: string[];
}

/** The command that the first words name; undefined if they do not, or go on with words that it does not take. */
async function namedCommand(argv: string[]): Promise<NamedCommand | undefined> {
  for (const words of [2, 1]) {
    const id = argv.slice(0, words).join(":");
    const rest = argv.slice(words);
    const load = Object.hasOwn(LOADERS, id) ? LOADERS[id as keyof typeof LOADERS] : undefined;
    if (load === undefined) continue;
    const { default: command } = await load();
    command.id = id;
    const takesArguments = Object.keys(command.args ?? {}).length > 0;
    return takesArguments || rest[0] === undefined || rest[0].startsWith("-") ? { command, rest } : undefined;
  }
  return undefined;
}

/** package.json, which holds the settings for oclif; under the name that the program goes by. */
function readManifest(): PJSON {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as PJSON;
  return { ...manifest, name: "relayctl" };
}
