/** What every data plane promises of the rates that its sessions are held to; a part of `plane.suite.ts`. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { digest, readAll } from "@serverless-relay/testkit";
import { describe, expect, it } from "vitest";
import { type End, NOTHING, type PlaneStage } from "./plane.test-support.ts";
import type { Session, Throttle } from "./plane.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

export function describeThrottles(stage: PlaneStage): void {
  describe("throttled", () => {
    async function joinedBy(...throttles: Throttle[]): Promise<[End, End, Session]> {
      const [a, b] = [await stage.parked(), await stage.parked()];
      const session = await stage.plane.join(a.leg, NOTHING, b.leg, NOTHING, throttles);
      if (session === null) throw new Error("an end had departed");
      return [a, b, session];
    }

    it("carries every byte both ways and both ends, no faster than the rate", async () => {
      const [a, b, session] = await joinedBy(stage.plane.openThrottle(4 * MIB));
      const sent = [randomBytes(MIB), randomBytes(MIB)] as const;
      const began = performance.now();
      a.socket.end(sent[0]);
      b.socket.end(sent[1]);
      const [atA, atB] = await Promise.all([readAll(a.socket), readAll(b.socket)]);
      // 2 MiB at 4 MiB/s, but for the burst of 100 ms
      expect(performance.now() - began).toBeGreaterThan(390);
      expect([digest(atA), digest(atB)]).toEqual([digest(sent[1]), digest(sent[0])]);
      expect(await session.ended).toMatchObject({ reason: "completed", bytes: [MIB, MIB] });
    });

    it("lets one end finish while the other goes on", async () => {
      const [a, b, session] = await joinedBy(stage.plane.openThrottle(2 * MIB));
      a.socket.end(Buffer.alloc(300 * KIB));
      expect((await readAll(b.socket)).length).toBe(300 * KIB);
      b.socket.end(Buffer.alloc(300 * KIB));
      expect((await readAll(a.socket)).length).toBe(300 * KIB);
      expect(await session.ended).toMatchObject({ reason: "completed" });
    });

    it("shares a rate evenly between sessions, whichever ways their bytes go", async () => {
      const throttle = stage.plane.openThrottle(8 * MIB);
      const all: [End, End, Session][] = [];
      while (all.length < 6) all.push(await joinedBy(throttle));
      const big = Buffer.alloc(32 * MIB);
      for (const [index, [a, b]] of all.entries()) {
        for (const { socket } of [a, b]) socket.resume();
        if (index % 3 !== 0) a.socket.write(big);
        if (index % 3 !== 1) b.socket.write(big);
      }
      const movedBy = () => all.map(([, , { bytes }]) => bytes[0] + bytes[1]);
      const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
      const reach = (bytes: number) =>
        expect.poll(() => sum(movedBy()), { interval: 5, timeout: 5_000 }).toBeGreaterThan(bytes);
      await reach(1.2 * MIB); // the burst is for whoever came first
      const before = movedBy();
      await reach(5 * MIB);
      const counts = movedBy().map((moved, index) => moved - (before[index] ?? 0));
      const mean = sum(counts) / counts.length;
      for (const count of counts) expect(Math.abs(count - mean)).toBeLessThan(mean / 4);
      expect(Math.min(...(all[2]?.[2].bytes ?? []))).toBeGreaterThan(mean / 4); // it goes both ways
      for (const [, , session] of all) session.end("killed");
      await Promise.all(all.map(([, , { ended }]) => ended));
    });

    it("holds each of several rates", async () => {
      const [slow, fast] = [stage.plane.openThrottle(MIB), stage.plane.openThrottle(100 * MIB)];
      const [a, b, session] = await joinedBy(fast, slow);
      const began = performance.now();
      a.socket.end(Buffer.alloc(300 * KIB));
      b.socket.end();
      expect((await readAll(b.socket)).length).toBe(300 * KIB);
      expect(performance.now() - began).toBeGreaterThan(190);
      await session.ended;
    });

    it("goes on at once when the rate is raised, or the session is not subject to it any more", async () => {
      const throttle = stage.plane.openThrottle(KIB);
      const [raised, freed] = [await joinedBy(throttle), await joinedBy(throttle)];
      for (const [a, b] of [raised, freed]) {
        a.socket.end(Buffer.alloc(4 * MIB));
        b.socket.end();
        b.socket.resume();
      }
      await expect.poll(() => raised[2].bytes[0] + freed[2].bytes[0]).toBeGreaterThan(0);
      freed[2].throttle([]);
      expect(await freed[2].ended).toMatchObject({ reason: "completed", bytes: [4 * MIB, 0] });
      expect(raised[2].bytes[0]).toBeLessThan(100 * KIB);
      throttle.setRate(Number.POSITIVE_INFINITY);
      expect(throttle.rate).toBe(Number.POSITIVE_INFINITY);
      expect(await raised[2].ended).toMatchObject({ reason: "completed", bytes: [4 * MIB, 0] });
    });

    it("holds for a session that is under way", async () => {
      const [a, b, session] = await joinedBy();
      a.socket.write("quick");
      expect((await once(b.socket, "data"))[0].toString()).toBe("quick");
      session.throttle([stage.plane.openThrottle(KIB)]);
      const chunk = Buffer.alloc(MIB);
      const firehose = () => {
        while (a.socket.write(chunk));
      };
      a.socket.on("drain", firehose);
      firehose();
      async function movedIn(ms: number): Promise<number> {
        const before = session.bytes[0];
        await new Promise((resolve) => setTimeout(resolve, ms));
        return session.bytes[0] - before;
      }
      await expect.poll(() => movedIn(100)).toBeLessThan(16 * KIB);
      session.end("killed");
      await session.ended;
    });

    it("ends at once, though it waits for its turn", async () => {
      const [a, b, session] = await joinedBy(stage.plane.openThrottle(1));
      const seen = Promise.all([once(a.socket, "error"), once(b.socket, "error")]);
      for (const { socket } of [a, b]) {
        socket.resume();
        socket.write(Buffer.alloc(64 * KIB));
      }
      await expect.poll(() => session.bytes[0] + session.bytes[1]).toBeGreaterThan(0);
      session.end("killed");
      expect(await session.ended).toMatchObject({ reason: "killed", by: null });
      expect((await seen).map(([error]) => error)).toMatchObject([{ code: "ECONNRESET" }, { code: "ECONNRESET" }]);
    });

    it("notices a reset, though it waits for its turn", async () => {
      const [a, b, session] = await joinedBy(stage.plane.openThrottle(1));
      a.socket.resume();
      b.socket.write(Buffer.alloc(64 * KIB));
      await expect.poll(() => session.bytes[1]).toBeGreaterThan(0);
      b.socket.resetAndDestroy();
      expect(await session.ended).toMatchObject({ reason: "reset", by: 1 });
    });
  });
}
