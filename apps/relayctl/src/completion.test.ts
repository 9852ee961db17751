import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { type Completable, completionScript } from "./completion.ts";
import { useShell } from "./relayctl.test-support.ts";

const COMMANDS: readonly Completable[] = [
  { words: "route add", summary: "Let two functions meet; it's kept.", flags: ["--help", "--ttl"] },
  { words: "route list", summary: "List the routes.", flags: ["--json"] },
  { words: "status", summary: "Show how relayd is doing.", flags: ["--json"] },
];

/** What bash itself offers behind `line`, whose last word is being written. */
function offered(script: string, line: string): string[] {
  const words = line.split(" ");
  const ask = `${script}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}
_relayctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["-c", ask], { encoding: "utf8" })
    .split("\n")
    .filter((word) => word !== "");
}

describe("bash, with the completion", () => {
  const script = completionScript("bash", COMMANDS);

  it.each([
    ["relayctl ", ["route", "status"]],
    ["relayctl ro", ["route"]],
    ["relayctl route ", ["add", "list"]],
    ["relayctl route add --", ["--help", "--ttl"]],
    ["relayctl route add f1 f2 --t", ["--ttl"]],
    ["relayctl --json status --", ["--json"]],
  ])("offers, behind %j, %j", (line, words) => {
    expect(offered(script, line)).toEqual(words);
  });
});

describe("relayctl completion", { timeout: 30_000 }, () => {
  const shell = useShell();

  it("knows every command", async () => {
    const { stdout } = await shell.relayctl("completion bash");
    expect(offered(stdout, "relayctl route ")).toEqual(["add", "delete", "list", "show"]);
    expect(offered(stdout, "relayctl ")).toContain("top");
    expect(offered(stdout, "relayctl route add --m")).toEqual(["--max-sessions"]);
  });

  it("is there for zsh and fish, too, and for no other shell", async () => {
    expect((await shell.relayctl("completion zsh")).stdout).toContain("bashcompinit");
    expect((await shell.relayctl("completion fish")).stdout).toContain("complete -c relayctl");
    expect(await shell.relayctl("completion tcsh")).toMatchObject({ code: 2 });
  });
});
