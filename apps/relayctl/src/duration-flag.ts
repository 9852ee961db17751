/** A flag that takes a length of time. Its value is in seconds. */
import * as Flags from "@oclif/core/flags";
import { CommandFailed, Exit } from "./failure.ts";
import { parseDuration } from "./quantities.ts";

export function durationFlag(flag: string, summary: string) {
  return Flags.custom<number>({
    summary,
    helpValue: "DURATION",
    parse: async (text) => parseDuration(text) ?? wrong(flag, text),
  })();
}

function wrong(flag: string, text: string): never {
  const advice = "write a duration such as 30s, 15m, 12h or 7d";
  throw new CommandFailed("usage", `--${flag} ${JSON.stringify(text)} is not understood; ${advice}`, Exit.usage);
}
