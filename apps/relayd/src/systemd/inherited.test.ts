import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { InheritedSockets } from "./inherited.ts";
import type { BoundAddress } from "./libc.ts";

const PID = 4711;

/** Sockets from descriptor 3 on, each "NAME ADDRESS"; a duplicate's number is a hundred more. */
function handedOver(sockets: readonly (readonly [string, BoundAddress | null])[], env: Record<string, string> = {}) {
  const names = sockets.map(([name]) => name).join(":");
  const given = { LISTEN_PID: String(PID), LISTEN_FDS: String(sockets.length), LISTEN_FDNAMES: names, ...env };
  return new InheritedSockets(given, PID, {
    boundAddress: (fd) => sockets[fd - 3]?.[1] ?? null,
    duplicate: (fd) => fd + 100,
  });
}

const at = (port: number, host = "127.0.0.1") => ({ host, port });
const SOCKET = { path: "/run/relayd/relayd.sock" };

describe("an inherited socket", () => {
  it("is for what its name says, wherever it is bound", () => {
    const inherited = handedOver([
      ["control", { path: "/elsewhere" }],
      ["shared", at(1)],
    ]);
    expect(inherited.take("shared", at(8443))?.fd).toBe(104);
    expect(inherited.take("control", SOCKET)?.fd).toBe(103);
    expect(inherited.take("control-ro", SOCKET)).toBeNull();
    expect(inherited.unused()).toEqual([]);
  });

  it("is, without a name of ours, for what is configured at its address", () => {
    const inherited = handedOver([
      ["relayd.socket", at(20_000)],
      ["relayd.socket", SOCKET],
      ["relayd.socket", at(8443, "0.0.0.0")],
    ]);
    expect(inherited.take("shared", at(8443, "192.0.2.1"))?.fd).toBe(105);
    expect(inherited.take("control", SOCKET)?.fd).toBe(104);
    expect(inherited.take("control-ro", { path: "/run/relayd/read.sock" })).toBeNull();
    expect(inherited.unused()).toEqual(["relayd.socket at 127.0.0.1:20000"]);
    expect(inherited.unused({ first: 20_000, last: 20_999 })).toEqual([]);
    expect(inherited.take("route", at(20_001))).toBeNull();
    expect(inherited.take("route", at(20_000, "localhost"))?.fd).toBe(103);
  });

  it("of the name route is for the route at its port, again and again", () => {
    const inherited = handedOver([
      ["route", at(20_000)],
      ["route", at(20_001)],
    ]);
    expect([1, 2].map(() => inherited.take("route", at(20_001))?.fd)).toEqual([104, 104]);
    expect(inherited.take("shared", at(20_000))).toBeNull();
    expect(inherited.take("route", at(20_002))).toBeNull();
    expect(inherited.unused()).toEqual([]); // its route may come yet
  });

  it("is another process's where LISTEN_PID says so", () => {
    const inherited = handedOver([["shared", at(8443)]], { LISTEN_PID: "1" });
    expect(inherited.take("shared", at(8443))).toBeNull();
    expect(inherited.unused()).toEqual([]);
  });

  it("needs no names, and a nonsensical count is none", () => {
    expect(handedOver([["", at(8443)]], { LISTEN_FDNAMES: "" }).take("shared", at(8443))?.fd).toBe(103);
    expect(handedOver([["shared", at(8443)]], { LISTEN_FDS: "-1" }).take("shared", at(8443))).toBeNull();
  });

  it.each([
    ["relayd.socket", "shared"],
    ["relayd-control.socket", "control"],
  ] as const)("of packaging/systemd/%s is for %s, by its name", async (unit, purpose) => {
    const text = await readFile(new URL(`../../../../packaging/systemd/${unit}`, import.meta.url), "utf8");
    const [, name = ""] = /^FileDescriptorName=(.*)$/m.exec(text) ?? [];
    expect(handedOver([[name, at(1)]]).take(purpose, at(2))?.fd).toBe(103);
  });
});
