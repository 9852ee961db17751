import { describe, expect, it } from "vitest";
import { explain } from "./unknown-command.ts";

const known = ["init", "route:add", "route:list", "status"];

describe("an unknown command", () => {
  it.each([
    ["frob", 'no command "frob"'],
    ["route:frob", 'no command "route frob"; of route there are: add, list'],
    ["route:list:f1:f2", "unexpected argument to route list: f1 f2"],
    ["status:now", "unexpected argument to status: now"],
    ["--json", "a command is expected, not only --json"],
  ])("%s: %s", (id, message) => {
    expect(explain(id, known).split("\n")[0]).toBe(message);
  });
});
