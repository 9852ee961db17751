/** What oclif calls when it finds no command: says what there is instead. */
import type { Hook } from "@oclif/core/interfaces";
import { CommandFailed, Exit } from "./failure.ts";

export const unknownCommand: Hook<"command_not_found"> = async ({ id, config }) => {
  throw new CommandFailed("usage", explain(id, config.commandIDs), Exit.usage);
};

/** `id`: the words of the command line up to the first flag, joined by colons. */
export function explain(id: string, commandIds: readonly string[]): string {
  const words = id.replaceAll(":", " ");
  if (id.startsWith("-")) return `a command is expected, not only ${id.split("=", 1)[0]}\nSee relayctl --help`;
  const command = commandIds.find((known) => id.startsWith(`${known}:`));
  if (command !== undefined) {
    const known = command.replaceAll(":", " ");
    return `unexpected argument to ${known}: ${words.slice(known.length + 1)}\nSee relayctl ${known} --help`;
  }
  const topic = id.split(":", 1)[0] ?? "";
  const verbs = commandIds
    .filter((known) => known.startsWith(`${topic}:`))
    .map((known) => known.slice(topic.length + 1));
  if (verbs.length > 0) return `no command "${words}"; of ${topic} there are: ${verbs.join(", ")}`;
  return `no command "${words}"\nSee relayctl --help`;
}
