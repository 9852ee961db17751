import type { RelayEvent } from "@serverless-relay/core";
import { describe, expect, it } from "vitest";
import { RecentRefusals } from "./recent-refusals.ts";

const at = { connection: "c", address: "127.0.0.1:5000", durationMs: 1 };

function refused(names: readonly string[], peer: string | null, reason: "no_route" | "full" = "no_route"): RelayEvent {
  return { event: "refused", ...at, reason, names, peer };
}

function admitted(name: string, peer: string): RelayEvent {
  return {
    event: "admitted",
    ...at,
    name,
    peer,
    route: [name, peer],
    channel: "443",
    transport: "raw",
    certificate: null,
  };
}

describe("the recent refusals", () => {
  it("are those of a name that concern its peer, the latest first", () => {
    const recent = new RecentRefusals();
    recent.note(refused(["f1", "f1.example"], "f2"), 1);
    recent.note(refused(["f1"], "f3"), 2);
    recent.note({ event: "dropped", ...at, reason: "detach_timeout", names: ["f1"], detail: "more\nthan a line" }, 3);
    expect(recent.of("f1", "f2")).toMatchObject([
      { at: 3, peer: null, reason: "detach_timeout", detail: "more" },
      { at: 1, peer: "f2", reason: "no_route", detail: null },
    ]);
    expect(recent.of("f1.example", "f2")).toHaveLength(1);
    expect(recent.of("f2", "f1")).toEqual([]);
  });

  it("are forgotten once the function has been admitted for that peer", () => {
    const recent = new RecentRefusals();
    recent.note(refused(["f1"], "f2"));
    recent.note(refused(["f1"], null));
    recent.note(refused(["f1"], "f3"));
    recent.note(admitted("f1", "f2"));
    expect(recent.of("f1", "f2")).toEqual([]);
    expect(recent.of("f1", "f3")).toMatchObject([{ peer: "f3" }]);
    recent.note(refused(["f1"], "f2", "full"));
    expect(recent.of("f1", "f2")).toMatchObject([{ reason: "full" }]);
  });

  it("are few, however many there were", () => {
    const recent = new RecentRefusals();
    for (let n = 0; n < 100; n++) recent.note(refused(["f1"], "f2"), n);
    expect(recent.of("f1", "f2").map((it) => it.at)).toEqual([99, 98, 97, 96]);
    for (let n = 0; n < 1024; n++) recent.note(refused([`g${n}`], "f2"));
    expect(recent.of("f1", "f2")).toEqual([]);
    expect(recent.of("g0", "f2")).toHaveLength(1);
    const names = Array.from({ length: 100 }, (_, n) => `h${n}`);
    recent.note(refused(names, "f2"));
    expect(names.filter((name) => recent.of(name, "f2").length > 0)).toEqual(names.slice(0, 8));
  });
});
