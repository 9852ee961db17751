import { describe, expect, it } from "vitest";
import { isChannelName, parsePreferWait } from "./fields.ts";

describe("Prefer", () => {
  it.each([
    ["wait=30", 30],
    ["respond-async, wait=5", 5],
    ["WAIT = 7 ; x=y", 7],
    ["\twait\t=\t8\t", 8],
    ["respond-async", undefined],
    ["\xa0wait=5", undefined],
    ["wait=5\xa0", null],
    ["", undefined],
    ["wait", null],
    ["wait=soon", null],
    ["wait=-1", null],
    ["wait=0=6", null],
    ["wait=99999999999", null],
  ])("%j gives %s", (field, seconds) => {
    expect(parsePreferWait(field)).toBe(seconds);
  });
});

describe("a channel's name", () => {
  it.each(["443", "job-17", "a!b"])("may be %s", (name) => expect(isChannelName(name)).toBe(true));
  it.each(["", "a b", "a\r\nb", "a,b", "ü", "a".repeat(129)])("may not be %j", (name) =>
    expect(isChannelName(name)).toBe(false),
  );
});
