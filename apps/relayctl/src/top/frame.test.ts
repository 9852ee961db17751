import type { Parked, Session, Status } from "@serverless-relay/control-api";
import { describe, expect, it } from "vitest";
import { PLAIN } from "../styles.ts";
import { drawFrame, type Sample } from "./frame.ts";

const NOW = Date.parse("2026-11-23T06:01:00.000Z");
const STARTED = "2026-11-23T06:00:00.000Z";

const status = (bytes: number): Status => ({
  version: "1.2.3",
  pid: 7,
  state: "running",
  drain: null,
  startedAt: STARTED,
  uptimeSeconds: 60,
  config: "relayd.yaml",
  reload: { lastAt: null, ok: true, problems: [] } as unknown as Status["reload"],
  listeners: [],
  routes: { static: 0, dynamic: 1 },
  parked: 1,
  sessions: { live: 2, total: 2 },
  admitted: 4 + bytes / 1024,
  refused: {},
  bytes,
  limits: {
    connections: { used: 4, limit: 10_000 },
    handshakes: { used: 1, limit: 512 },
    sessions: { used: 1, limit: 5_000 },
  },
  splice: "kernel",
  cluster: null,
  certificates: [],
});

const session = (id: string, sent: number, startedAt = STARTED): Session => ({
  id,
  route: { f1: "f1", f2: "f2" },
  channel: id,
  startedAt,
  ends: [
    { name: "f1", address: "127.0.0.1:1", transport: "raw", role: "client", bytesSent: sent },
    { name: "f2", address: "127.0.0.1:2", transport: "raw", role: "server", bytesSent: 0 },
  ],
});

const waiting = (name: string): Parked => ({
  id: name,
  name,
  peer: "f2",
  route: { f1: name, f2: "f2" },
  channel: "443",
  transport: "raw",
  role: null,
  address: "127.0.0.1:3",
  parkedAt: STARTED,
  deadline: STARTED,
});

const before: Sample = {
  at: NOW - 1_000,
  status: status(0),
  sessions: [session("slow", 1024), session("fast", 0)],
  parked: [],
};
const sample: Sample = {
  at: NOW,
  status: status(4096),
  sessions: [session("slow", 2048), session("fast", 1_048_576, "2026-11-23T06:00:50.000Z")],
  parked: [waiting("f1")],
};
const picture = { sample, before, order: "rate", paused: false, columns: 80, rows: 24 } as const;

const channels = (lines: readonly string[]) => lines.flatMap((line) => line.match(/slow|fast/) ?? []);

describe("a picture of top", () => {
  it("has rates, the fastest session first, and who is parked with age", () => {
    const lines = drawFrame(picture, PLAIN);
    expect(lines[0]).toBe("relayd 1.2.3 running, up 1m");
    expect(lines[1]).toBe("sessions 2   parked 1   admitted 8, 4/s   relayed 4.0 KiB, 4.0 KiB/s");
    expect(lines.find((line) => line.includes("fast"))).toMatch(/f1 -> f2 +fast +raw +10s +1\.0 MiB +1\.0 MiB\/s$/);
    expect(lines.find((line) => line.includes("443"))).toMatch(/^f1 +f2 +443 +1m$/);
    expect(channels(lines)).toEqual(["fast", "slow"]);
  });

  it.each([
    ["bytes", ["fast", "slow"]],
    ["age", ["slow", "fast"]],
  ] as const)("is sorted by %s", (order, sorted) => {
    expect(channels(drawFrame({ ...picture, order }, PLAIN))).toEqual(sorted);
  });

  it("fits the terminal, emphasis or not, and says that it is paused", () => {
    const bold = { bold: (text: string) => `\u001b[1m${text}\u001b[22m`, warning: (text: string) => text };
    const lines = drawFrame({ ...picture, columns: 20, rows: 7, paused: true }, bold);
    expect(lines).toHaveLength(7);
    for (const line of lines)
      expect(line.replaceAll("\u001b[1m", "").replaceAll("\u001b[22m", "").length).toBeLessThanOrEqual(20);
    expect(lines[0]).toContain("\u001b[22m");
    expect(drawFrame({ ...picture, paused: true }, PLAIN)[0]).toContain("PAUSED");
  });
});
