import { describe, expect, it } from "vitest";
import { differences, optionsOf, turned, viewOptions } from "./route-options.ts";

const PIN = `sha256:${"ab".repeat(32)}`;
const OTHER_PIN = `sha256:${"0".repeat(64)}`;
const NOW = Date.parse("2026-11-24T06:00:00.000Z");

describe("the options of a route", () => {
  it("are those that were asked for, and no others", () => {
    expect(optionsOf({}, NOW)).toEqual({});
    expect(optionsOf({ once: false }, NOW)).toEqual({});
    expect(
      optionsOf({ ttl: 60, maxSessions: 2, pins: { f2: [PIN.toUpperCase().replace("SHA", "sha")] } }, NOW),
    ).toEqual({
      expiresAt: "2026-11-24T06:01:00.000Z",
      maxSessions: 2,
      pins: { f2: [PIN] },
    });
  });

  it("are shown with null for what is not set", () => {
    const none = { channelLimit: null, maxSessions: null, expiresAt: null, wait: null, bandwidth: null, pins: null };
    expect(viewOptions()).toEqual({ ...none, once: false });
    expect(viewOptions({ once: true, wait: 5 })).toEqual({ ...none, once: true, wait: 5 });
  });

  it.each([
    [{}, {}, []],
    [{ maxSessions: 2 }, { maxSessions: 2 }, []],
    [{ maxSessions: 2 }, { maxSessions: 3 }, ["maxSessions is 2, not 3"]],
    [{ maxSessions: 2 }, {}, ["maxSessions is 2, not unset"]],
    [{}, { channelLimit: 1, once: true }, ["channelLimit is not set, not 1", "once is not set"]],
    [{ once: true }, {}, ["once is set"]],
    [{ ttl: 60 }, { ttl: 90 }, []],
    [{ ttl: 60 }, {}, ["it expires at 2026-11-24T06:01:00.000Z"]],
    [{}, { ttl: 60 }, ["it has no ttl"]],
    [{ pins: { f1: [PIN, OTHER_PIN] } }, { pins: { f1: [OTHER_PIN, PIN, PIN] } }, []],
    [{ pins: { f1: [PIN] } }, { pins: { f2: [PIN] } }, ["its pins are others"]],
  ])("%j, where %j was asked for, differ in %j", (has, asked, found) => {
    expect(differences(optionsOf(has, NOW), optionsOf(asked, NOW))).toEqual(found);
  });

  it("are the same with the names in the other order, the pins being turned with them", () => {
    const has = optionsOf({ wait: 3, pins: { f1: [PIN] } }, NOW);
    expect(differences(has, turned(optionsOf({ wait: 3, pins: { f2: [PIN] } }, NOW)))).toEqual([]);
  });
});
