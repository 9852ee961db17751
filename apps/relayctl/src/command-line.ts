/** The command line, put in the order that oclif expects. */

/** Flags that may stand before the command, too; true for those that take a value. */
const GLOBAL_FLAGS: Record<string, boolean> = { "--json": false, "--socket": true };

/**
 * Moves global flags from before the command to behind it, and makes `help COMMAND` of `COMMAND --help`. What stands behind
 * `--` stays as it is.
 */
export function arrange(commandLine: readonly string[]): string[] {
  const { flags, rest } = leadingFlags(commandLine);
  if (rest[0] === "help") return [...rest.slice(1), ...flags, "--help"];
  if (commandLine.length === 0) return ["--help"];
  return rest.toSpliced(endOfFlags(rest), 0, ...flags);
}

/** Behind `--` there are arguments only. */
function endOfFlags(argv: readonly string[]): number {
  return argv.includes("--") ? argv.indexOf("--") : argv.length;
}

function leadingFlags(commandLine: readonly string[]): { flags: string[]; rest: string[] } {
  let count = 0;
  for (let arg = commandLine[0]; arg !== undefined; arg = commandLine[count]) {
    const takesValue = GLOBAL_FLAGS[arg.split("=", 1)[0] ?? ""];
    if (takesValue === undefined) break;
    count += takesValue && !arg.includes("=") ? 2 : 1;
  }
  return { flags: commandLine.slice(0, count), rest: commandLine.slice(count) };
}

/** Whether the command's result, or its failure, is to be JSON. */
export function wantsJson(argv: readonly string[]): boolean {
  return argv.slice(0, endOfFlags(argv)).includes("--json");
}

/** Whether the command line asks for help, in place of a command. */
export function wantsHelp(argv: readonly string[]): boolean {
  return argv.slice(0, endOfFlags(argv)).some((arg) => arg === "--help" || arg === "-h");
}
