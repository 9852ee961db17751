import { describe, expect, it } from "vitest";
import { allowing, parseTarget } from "./target.ts";

const allows = (entry: string, target: string) => allowing(parseTarget(target), [{ url: parseTarget(entry) }]) !== null;

describe("what wake.allow names", () => {
  it.each([
    ["https://f2.example/wake", "https://f2.example/wake"],
    ["https://f2.example/", "https://f2.example/wake?job=7"],
    ["https://f2.example", "https://F2.example:443/a/b"],
    ["https://f2.example/hooks/", "https://f2.example/hooks/f2"],
    ["http://127.0.0.1:8080/", "http://127.0.0.1:8080/"],
    ["http://127.0.0.1/", "http://0x7f.1/"], // the same address: it is what was named
  ])("%s allows %s", (entry, target) => {
    expect(allows(entry, target)).toBe(true);
  });

  it.each([
    ["https://f2.example/", "http://f2.example/"],
    ["https://f2.example/", "https://f2.example:8443/"],
    ["https://f2.example/", "https://f2.example.evil.example/"],
    ["https://f2.example/", "https://evil.example/https://f2.example/"],
    ["https://f2.example/", "https://169.254.169.254/latest/meta-data/"],
    ["https://f2.example/wake", "https://f2.example/wake/more"],
    ["https://f2.example/wake", "https://f2.example/wake?more"],
    ["https://f2.example/hooks/", "https://f2.example/hooks"],
    ["https://f2.example/hooks/", "https://f2.example/hooks/../admin"],
    ["https://f2.example/hooks/", "https://f2.example/hooks/%2e%2e/admin"],
    ["https://f2.example/hooks/", "https://f2.example/hooks/..%2fadmin"],
    ["https://f2.example/hooks/", "https://f2.example/hooks/..%5Cadmin"],
    ["https://f2.example/hooks/", "https://f2.example\\hooks\\..\\admin"],
  ])("%s does not allow %s", (entry, target) => {
    expect(allows(entry, target)).toBe(false);
  });

  it.each([
    ["no URL", /is no URL of HTTP; write one/],
    ["file:///etc/passwd", /is no URL of HTTP/],
    ["unix:/run/docker.sock", /is no URL of HTTP/],
    ["https://me:secret@f2.example/", /^holds a password/],
    ["https://f2.example/#part", /has a fragment/],
    [`https://f2.example/${"a".repeat(2048)}`, /2048 is the most/],
  ])("%s is no target at all", (text, why) => {
    expect(() => parseTarget(text)).toThrow(why);
  });
});
