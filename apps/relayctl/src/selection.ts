/** Which of the parked, the sessions or the events are meant: `--function` and `--route`, the same for all that list them. */
import * as Flags from "@oclif/core/flags";
import { CommandFailed, Exit } from "./failure.ts";
import { checkFunctionName } from "./function-name.ts";

export const selectionFlags = {
  function: Flags.string({
    helpValue: "NAME",
    summary: "Only what concerns this function.",
    parse: async (input) => checkFunctionName(input),
  }),
  route: Flags.string({
    multiple: true,
    helpValue: "F1 F2",
    summary: "Only what concerns this route; F1,F2 is understood, too.",
  }),
};

export interface Selection {
  readonly function?: string;
  readonly route?: readonly [string, string];
}

/** From the flags as they were given. Throws CommandFailed. */
export function selectionOf(flags: { function?: string | undefined; route?: string[] | undefined }): Selection {
  return {
    ...(flags.function !== undefined && { function: flags.function }),
    ...(flags.route !== undefined && { route: routeOf(flags.route) }),
  };
}

function routeOf(words: readonly string[]): readonly [string, string] {
  // A URI may hold a comma, so that two words are never taken apart.
  const [f1, f2, ...more] = words.length === 1 ? (words[0] ?? "").split(",") : words;
  if (f1 === undefined || f2 === undefined || more.length > 0) {
    throw new CommandFailed("usage", "--route takes two names; write --route F1 F2", Exit.usage);
  }
  return [checkFunctionName(f1), checkFunctionName(f2)];
}

/** What an item concerns. */
export interface Concern {
  readonly names: readonly (string | null)[];
  /** in either order; null where the item belongs to no route, so that its names decide */
  readonly route: readonly [string, string] | null;
}

export function isSelected({ function: name, route }: Selection, { names, route: its }: Concern): boolean {
  if (name !== undefined && !names.includes(name) && its?.includes(name) !== true) return false;
  if (route === undefined) return true;
  if (its === null) return route.every((end) => names.includes(end));
  return (its[0] === route[0] && its[1] === route[1]) || (its[0] === route[1] && its[1] === route[0]);
}
