import type { ControlEvent } from "@serverless-relay/control-api";
import { describe, expect, it } from "vitest";
import { concernOf, eventText } from "./event-text.ts";
import { PLAIN } from "./styles.ts";

const time = "2026-11-23T06:00:01.250Z";
const at = { connection: "c1", address: "127.0.0.1:5000" };
const meeting = { session: "aa", route: ["f1", "f2"], channel: "443" };
const ends = [
  { connection: "c1", name: "f1", role: "server" },
  { connection: "c2", name: "f2", role: "client" },
];

/** Without the time of day, which depends on where the reader is. */
function words(event: Omit<ControlEvent, "time">): string {
  return eventText({ time, ...event } as ControlEvent, PLAIN).replace(/^\d\d:\d\d:01\.250 /, "");
}

describe("an event in words", () => {
  it.each<[string, Omit<ControlEvent, "time">]>([
    [
      "admitted f1 for f2 on channel 443, raw, from 127.0.0.1:5000",
      { event: "admitted", ...at, ...meeting, name: "f1", peer: "f2", transport: "raw", durationMs: 2 },
    ],
    [
      "admitted (not verified) for (not verified) on channel 443, plain, from 127.0.0.1:5000",
      { event: "admitted", ...at, ...meeting, name: null, peer: null, transport: "plain", durationMs: 2 },
    ],
    [
      "refused  f1|f1.example for f2: no_route, from 127.0.0.1:5000",
      { event: "refused", ...at, reason: "no_route", names: ["f1", "f1.example"], peer: "f2", durationMs: 2 },
    ],
    [
      "dropped  (unknown): handshake_failed (wrong version number), from 127.0.0.1:5000",
      { event: "dropped", ...at, reason: "handshake_failed", names: [], detail: "wrong version number\n  at tls" },
    ],
    [
      "departed f1 left f1 <-> f2 on channel 443, after 2m",
      { event: "departed", ...at, ...meeting, name: "f1", durationMs: 120_400 },
    ],
    ["paired   f2 -> f1 on channel 443, session aa, after 12ms", { event: "paired", ...meeting, ends, waitedMs: 12.3 }],
    [
      "ended    f1 <-> f2 on channel 443: reset by f1, session aa, 1.0 KiB and 0 B, in 3s",
      { event: "ended", ...meeting, reason: "reset", by: "f1", names: ["f1", "f2"], bytes: [1024, 0], durationMs: 3e3 },
    ],
    ['reloaded by=root changed=["tls"]', { event: "reloaded", by: "root", changed: ["tls"] }],
    ["paired   ? <-> ?, session ?", { event: "paired" }],
    ["refused  (unknown): ?[2J", { event: "refused", reason: "\u001b[2J" }],
  ])("%s", (expected, event) => {
    expect(words(event)).toBe(expected);
  });

  it("concerns all whom it names", () => {
    expect(concernOf({ time, event: "paired", ...meeting, ends })).toEqual({
      names: ["f1", "f2"],
      route: ["f1", "f2"],
    });
    expect(concernOf({ time, event: "refused", names: ["f1", "x"], peer: "f2" })).toEqual({
      names: ["f1", "x", "f2"],
      route: null,
    });
  });
});
