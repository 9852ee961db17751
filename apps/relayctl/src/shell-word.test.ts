import { describe, expect, it } from "vitest";
import { shellWord } from "./shell-word.ts";

describe("a word for the shell", () => {
  it.each([
    ["/tmp/relay.yaml", "/tmp/relay.yaml"],
    ["my dir", "'my dir'"],
    ["it's $HOME", "'it'\\''s $HOME'"],
    ["", "''"],
  ])("%s is %s", (text, word) => {
    expect(shellWord(text)).toBe(word);
  });
});
