import type { End, Parked, Session } from "@serverless-relay/control-api";
import { describe, expect, it } from "vitest";
import { useShell } from "./relayctl.test-support.ts";

const { relayctl, daemon } = useShell();

const HOUR = 3600;
const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
const f1: End = { name: "f1", address: "127.0.0.1:5000", transport: "raw", role: "server", bytesSent: 1024 };
const f2: End = { name: "f2", address: "127.0.0.1:5001", transport: "tls", role: "client", bytesSent: 512 };
const session: Session = {
  id: "aa",
  route: { f1: "f1", f2: "f2" },
  channel: "443",
  startedAt: ago(25.5 * HOUR),
  ends: [f1, f2],
};
const other: Session = {
  ...session,
  id: "bb",
  route: { f1: "f1", f2: "f3" },
  startedAt: ago(50.5 * HOUR),
  ends: [f1, { ...f2, name: "f3", transport: "raw", bytesSent: 0 }],
};
const plain: Session = { ...session, id: "cc", startedAt: ago(1.5 * HOUR), ends: [f1, f2] };

const parked: Parked = {
  id: "p1",
  name: "f1",
  peer: "f2",
  route: { f1: "f1", f2: "f2" },
  channel: "443",
  transport: "raw",
  role: "client",
  address: "127.0.0.1:5000",
  parkedAt: ago(25.5 * HOUR),
  deadline: ago(-25.5 * HOUR),
};
const unverified: Parked = { ...parked, id: "p2", name: null, peer: null, role: null, deadline: ago(-24.5 * HOUR) };

const lines = (stdout: string) => stdout.trimEnd().split("\n");

describe("relayctl session", { timeout: 30_000 }, () => {
  it("lists sessions, the oldest first", async () => {
    const { socket } = await daemon(200, { sessions: [session, other] });
    const ended = await relayctl(`session list --socket ${socket}`);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(lines(ended.stdout)).toEqual([
      "SESSION  CLIENT -> SERVER  CHANNEL  TRANSPORT    AGE    BYTES",
      "bb       f3 -> f1          443      raw        2d 2h  1.0 KiB",
      "aa       f2 -> f1          443      raw/tls    1d 1h  1.5 KiB",
    ]);
  });

  it("lists those of a function or a route, in the order asked for", async () => {
    const { socket } = await daemon(200, { sessions: [session, other, plain] });
    const ids = async (words: string) => {
      const { stdout } = await relayctl(`session list ${words} --json --socket ${socket}`);
      return (JSON.parse(stdout) as { sessions: Session[] }).sessions.map(({ id }) => id);
    };
    await expect(ids("--function f3")).resolves.toEqual(["bb"]);
    await expect(ids("--route f2 f1")).resolves.toEqual(["aa", "cc"]);
    await expect(ids("--sort bytes")).resolves.toEqual(["aa", "cc", "bb"]);
    await expect(ids("--sort route --function f1")).resolves.toEqual(["aa", "cc", "bb"]);
  });

  it("says so where there are none", async () => {
    const { socket } = await daemon(200, { sessions: [session] });
    expect(await relayctl(`session list --function f9 --socket ${socket}`)).toMatchObject({ stdout: "no sessions\n" });
  });

  it("refuses a route of one name, and a name that cannot be", async () => {
    expect(await relayctl("session list --route f1")).toMatchObject({
      code: 2,
      stderr: "relayctl: --route takes two names; write --route F1 F2\n",
    });
    expect(await relayctl("session list --function f/1")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('"f/1" cannot be a name'),
    });
  });

  it("shows a session", async () => {
    const { socket } = await daemon(200, session);
    const { stdout } = await relayctl(`session show aa --socket ${socket}`);
    expect(lines(stdout)).toEqual([
      "session aa: f2 -> f1",
      "route    f1 <-> f2, channel 443",
      `started  ${session.startedAt}, 1d 1h ago`,
      "server   f1 from 127.0.0.1:5000, raw, 1.0 KiB sent",
      "client   f2 from 127.0.0.1:5001, tls, 512 B sent",
    ]);
  });

  it("ends a session", async () => {
    const { socket, asked } = await daemon(200, { id: "aa" });
    expect(await relayctl(`session kill aa --socket ${socket}`)).toMatchObject({ stdout: "session aa ended\n" });
    expect(asked()).toEqual(["DELETE /v1/sessions/aa"]);
  });
});

describe("relayctl parked list", { timeout: 30_000 }, () => {
  it("lists who waits, for whom, and how long yet", async () => {
    const { socket } = await daemon(200, { parked: [parked, unverified] });
    const ended = await relayctl(`parked list --socket ${socket}`);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(lines(ended.stdout)).toEqual([
      "FUNCTION  WAITS FOR  CHANNEL  TRANSPORT  ROLE    SINCE   LEFT  ADDRESS",
      "f1        f2         443      raw        client  1d 1h  1d 1h  127.0.0.1:5000",
      "-         -          443      raw        -       1d 1h     1d  127.0.0.1:5000",
    ]);
    const { stdout } = await relayctl(`parked list --sort left --route f1,f2 --json --socket ${socket}`);
    expect(JSON.parse(stdout)).toEqual({ parked: [unverified, parked] });
  });

  it("says so where nobody does", async () => {
    const { socket } = await daemon(200, { parked: [] });
    expect(await relayctl(`parked list --socket ${socket}`)).toMatchObject({ stdout: "nobody is parked\n" });
  });
});
