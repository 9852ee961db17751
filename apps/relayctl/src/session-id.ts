/** The argument that says which session is meant. */
import * as Args from "@oclif/core/args";

export function sessionId() {
  return Args.string({
    ignoreStdin: true, // or oclif would read a missing argument from there
    required: true,
    description: "id of a session, as session list, the log and Relay-Session have it",
  });
}
