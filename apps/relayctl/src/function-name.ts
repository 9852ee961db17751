/** The names of functions on the command line. */
import * as Args from "@oclif/core/args";
import { isFunctionName, NAME_RULE } from "@serverless-relay/protocol";
import { CommandFailed } from "./failure.ts";

/** Throws CommandFailed, saying what a name may be. */
export function checkFunctionName(name: string): string {
  if (isFunctionName(name)) return name;
  throw new CommandFailed("invalid_name", `${JSON.stringify(name)} cannot be a name: ${NAME_RULE}`);
}

/** An argument that is a function's name. */
export const functionName = Args.custom<string>({
  ignoreStdin: true, // or oclif would read a missing argument from there
  parse: async (input) => checkFunctionName(input),
});
