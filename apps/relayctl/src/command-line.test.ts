import { describe, expect, it } from "vitest";
import { arrange, wantsJson } from "./command-line.ts";

describe("the command line", () => {
  it.each([
    ["", "--help"],
    ["status", "status"],
    ["--json status", "status --json"],
    ["--socket s --json route add f1 f2 --port 1", "route add f1 f2 --port 1 --socket s --json"],
    ["--socket=s status", "status --socket=s"],
    ["--json route add -- f1 f2", "route add --json -- f1 f2"],
    ["--json", "--json"],
    ["--socket", "--socket"],
    ["--version", "--version"],
    ["help", "--help"],
    ["help route add", "route add --help"],
  ])("%j is read as %j", (given, expected) => {
    const words = given.split(" ").filter((word) => word !== "");
    expect(arrange(words)).toEqual(expected.split(" "));
  });

  it("asks for JSON by --json, but not behind --", () => {
    expect(wantsJson(["status", "--json"])).toBe(true);
    expect(wantsJson(["status", "--", "--json"])).toBe(false);
  });
});
