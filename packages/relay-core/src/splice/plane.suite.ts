/** What every data plane promises. Run over each implementation; files `*.suite.ts` hold no tests of their own. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { readAll } from "@serverless-relay/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DataPlane, Leg, Session, Throttle } from "./plane.ts";
import { SessionWatch } from "./session-watch.ts";
import { monotonicMs } from "./token-bucket.ts";

const NOTHING = Buffer.alloc(0);

export function describeDataPlane(name: string, open: () => DataPlane): void {
  describe(`the ${name} data plane`, () => {
    let plane: DataPlane;
    let server: Server;
    const relaySide = new Set<Socket>();

    beforeEach(async () => {
      plane = open();
      server = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, "127.0.0.1");
      await once(server, "listening");
    });

    afterEach(async () => {
      await plane.close();
      server.close();
      for (const socket of relaySide) await expect.poll(() => socket.destroyed).toBe(true);
      relaySide.clear();
    });

    /** Both ends of a TCP connection: the function's, and the relay's. */
    async function connection(): Promise<[Socket, Socket]> {
      const { port } = server.address() as AddressInfo;
      const accepted = once(server, "connection");
      const near = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
      const [relay] = (await accepted) as [Socket];
      relaySide.add(relay);
      near.on("error", () => {});
      return [near, relay];
    }

    interface End {
      readonly socket: Socket;
      readonly leg: Leg;
      readonly departed: Promise<void>;
    }

    async function parked(readAhead: Buffer = NOTHING): Promise<End> {
      const [socket, relay] = await connection();
      const { promise: departed, resolve } = Promise.withResolvers<void>();
      return { socket, departed, leg: plane.park({ kind: "bare", socket: relay, readAhead }, resolve) };
    }

    async function joined(a: End, b: End, heads: [Buffer, Buffer] = [NOTHING, NOTHING]): Promise<Session> {
      const session = await plane.join(a.leg, heads[0], b.leg, heads[1]);
      if (session === null) throw new Error("an end had departed");
      return session;
    }

    it("says that it turns, while it carries much and when it is closed, too", async () => {
      await plane.turned();
      const [one, other] = [await parked(), await parked()];
      await joined(one, other);
      other.socket.resume();
      one.socket.write(Buffer.alloc(1 << 24));
      await Promise.all([plane.turned(), plane.turned()]);
      for (const { socket } of [one, other]) socket.destroy();
      const underWay = plane.turned();
      await plane.close();
      await underWay;
      await plane.turned();
    });

    it("sends each end its head, then what was read ahead, then what was sent while parked", async () => {
      const a = await parked(Buffer.from("ahead,"));
      const b = await parked();
      a.socket.write("parked,");
      const session = await joined(a, b, [Buffer.from("head a,"), Buffer.from("head b,")]);
      a.socket.end("live");
      b.socket.end();
      expect((await readAll(b.socket)).toString()).toBe("head b,ahead,parked,live");
      expect((await readAll(a.socket)).toString()).toBe("head a,");
      expect(await session.ended).toMatchObject({ reason: "completed", by: null });
      expect([...session.bytes]).toEqual(["ahead,parked,live".length, 0]);
    });

    it("carries 16 MiB both ways at once, unchanged", async () => {
      const [a, b] = [await parked(), await parked()];
      const session = await joined(a, b);
      const sent = [randomBytes(16 << 20), randomBytes(16 << 20)] as const;
      a.socket.end(sent[0]);
      b.socket.end(sent[1]);
      const [atA, atB] = await Promise.all([readAll(a.socket), readAll(b.socket)]);
      expect(digest(atB)).toBe(digest(sent[0]));
      expect(digest(atA)).toBe(digest(sent[1]));
      expect(await session.ended).toMatchObject({ reason: "completed" });
    });

    it.each([
      [0, 1],
      [1, 0],
    ] as const)("lets end %i finish while the other goes on", async (first, other) => {
      const ends = [await parked(), await parked()] as const;
      const session = await joined(...ends);
      ends[first].socket.end("done");
      expect((await readAll(ends[other].socket)).toString()).toBe("done");
      ends[other].socket.write("still ");
      ends[other].socket.end("talking");
      expect((await readAll(ends[first].socket)).toString()).toBe("still talking");
      expect(await session.ended).toMatchObject({ reason: "completed" });
    });

    it("carries a half-close that came while parked, behind the bytes before it", async () => {
      const [a, b] = [await parked(), await parked()];
      a.socket.end("all I have");
      const session = await joined(a, b);
      expect((await readAll(b.socket)).toString()).toBe("all I have");
      b.socket.end("thanks");
      expect((await readAll(a.socket)).toString()).toBe("thanks");
      expect(await session.ended).toMatchObject({ reason: "completed" });
    });

    it("carries a reset as a reset, and says whose it was", async () => {
      const [a, b] = [await parked(), await parked()];
      const session = await joined(a, b);
      const seen = once(a.socket, "error");
      a.socket.resume();
      b.socket.resetAndDestroy();
      expect((await seen)[0]).toMatchObject({ code: "ECONNRESET" });
      expect(await session.ended).toMatchObject({ reason: "reset", by: 1 });
    });

    it("stops reading from an end while the other does not read", async () => {
      const [a, b] = [await parked(), await parked()];
      const session = await joined(a, b);
      b.socket.pause();
      const chunk = Buffer.alloc(1 << 20);
      const limit = 64 << 20;
      let written = 0;
      while (written < limit) {
        written += chunk.length;
        if (a.socket.write(chunk)) continue;
        const drained = await Promise.race([once(a.socket, "drain").then(() => true), idle(a.socket)]);
        if (!drained) break; // full all the way back
      }
      expect(written).toBeLessThan(limit);
      a.socket.end();
      b.socket.end();
      a.socket.resume();
      expect((await readAll(b.socket)).length).toBe(written);
      expect(await session.ended).toMatchObject({ reason: "completed", bytes: [written, 0] });
    });

    it("delivers all to a slow reader, though both ends have ended", async () => {
      const [a, b] = [await parked(), await parked()];
      const session = await joined(a, b);
      b.socket.end();
      await readAll(a.socket);
      const chunk = Buffer.alloc(30_000, "x");
      let written = 0;
      do {
        a.socket.write(chunk);
        written += chunk.length;
      } while (!a.socket.writableNeedDrain || (await Promise.race([once(a.socket, "drain"), idle(a.socket)])));
      a.socket.end();
      expect((await readAll(b.socket)).length).toBe(written);
      expect(await session.ended).toMatchObject({ reason: "completed", bytes: [written, 0] });
    });

    it("notices that a parked client has reset", async () => {
      const end = await parked();
      end.socket.resetAndDestroy();
      await end.departed;
      expect(end.leg.departed).toBe(true);
    });

    it("notices that a parked client has closed without having sent a byte", async () => {
      const end = await parked();
      end.socket.destroy();
      await end.departed;
    });

    it("joins nobody to a client that has departed, and the other stays parked", async () => {
      const [gone, left, fresh] = [await parked(), await parked(), await parked()];
      gone.socket.destroy();
      await gone.departed;
      expect(await plane.join(gone.leg, NOTHING, left.leg, NOTHING)).toBeNull();
      const session = await joined(left, fresh);
      left.socket.end("hello");
      expect((await readAll(fresh.socket)).toString()).toBe("hello");
      session.end("killed");
      expect(await session.ended).toMatchObject({ reason: "killed", by: null });
    });

    it("has a session ended that has lasted too long, though it is not idle", async () => {
      const [a, b] = [await parked(), await parked()];
      const session = await joined(a, b);
      const watch = new SessionWatch({ idleTimeoutMs: 60_000, maxDurationMs: null });
      watch.add(session);
      for (const { socket } of [a, b]) socket.on("error", () => {}).resume();
      const busy = setInterval(() => a.socket.write("busy"), 20);
      watch.setTimes({ idleTimeoutMs: 60_000, maxDurationMs: 150 }); // as a reload would
      const { reason, bytes } = await session.ended;
      clearInterval(busy);
      expect(reason).toBe("lifetime");
      expect(bytes[0]).toBeGreaterThan(0);
    });

    it("lets a dismissed client read its last words, though it is still sending", async () => {
      const end = await parked();
      end.socket.write(Buffer.alloc(300_000));
      plane.dismiss(end.leg, Buffer.from("sorry"));
      end.socket.write(Buffer.alloc(300_000));
      const words = await readAll(end.socket);
      end.socket.end();
      expect(words.toString()).toBe("sorry");
    });

    it("resets, rather than ends, a session whose last bytes have not been delivered", async () => {
      const [a, b] = [await parked(), await parked()];
      const session = await joined(a, b);
      b.socket.pause();
      a.socket.end(Buffer.alloc(32 << 20));
      await expect.poll(() => idle(a.socket)).toBe(false);
      const seen = once(b.socket, "error");
      session.end("killed");
      b.socket.resume();
      expect((await seen)[0]).toMatchObject({ code: "ECONNRESET" });
    });

    it("knows when a session last moved, and an idle one is ended", async () => {
      const [a, b] = [await parked(), await parked()];
      const session = await joined(a, b);
      const began = session.lastActive;
      expect(Math.abs(began - monotonicMs())).toBeLessThan(5_000);
      const watch = new SessionWatch({ idleTimeoutMs: 150, maxDurationMs: null });
      watch.add(session);
      a.socket.resume();
      b.socket.resume();
      a.socket.write("not idle yet");
      await expect.poll(() => session.bytes[0]).toBeGreaterThan(0);
      expect(session.lastActive).toBeGreaterThanOrEqual(began);
      expect(await session.ended).toMatchObject({ reason: "idle_timeout", by: null });
      expect(monotonicMs() - session.lastActive).toBeGreaterThanOrEqual(150);
    });

    it("waits for an end that reads nothing, for longer than it waits for an answer", async () => {
      plane.answerWithinMs = 200;
      const [a, b] = [await parked(), await parked()];
      const session = await joined(a, b);
      const sent = randomBytes(16 << 20);
      a.socket.end(sent);
      await new Promise((resolve) => setTimeout(resolve, 6 * plane.answerWithinMs)); // that is what is promised
      b.socket.end();
      expect(digest(await readAll(b.socket))).toBe(digest(sent));
      a.socket.resume();
      expect(await session.ended).toMatchObject({ reason: "completed" });
    });

    it("lets a dismissed client read its last words, though the plane is closed at once", async () => {
      const ends = [await parked(), await parked(Buffer.from("ahead"))];
      for (const { leg } of ends) plane.dismiss(leg, Buffer.from("sorry"));
      const closed = plane.close();
      for (const { socket } of ends) expect((await readAll(socket)).toString()).toBe("sorry");
      for (const { socket } of ends) socket.end();
      await closed;
    });

    describe("throttled", () => {
      const KIB = 1024;
      const MIB = 1024 * KIB;

      async function joinedBy(...throttles: Throttle[]): Promise<[End, End, Session]> {
        const [a, b] = [await parked(), await parked()];
        const session = await plane.join(a.leg, NOTHING, b.leg, NOTHING, throttles);
        if (session === null) throw new Error("an end had departed");
        return [a, b, session];
      }

      it("carries every byte both ways and both ends, no faster than the rate", async () => {
        const [a, b, session] = await joinedBy(plane.openThrottle(4 * MIB));
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
        const [a, b, session] = await joinedBy(plane.openThrottle(2 * MIB));
        a.socket.end(Buffer.alloc(300 * KIB));
        expect((await readAll(b.socket)).length).toBe(300 * KIB);
        b.socket.end(Buffer.alloc(300 * KIB));
        expect((await readAll(a.socket)).length).toBe(300 * KIB);
        expect(await session.ended).toMatchObject({ reason: "completed" });
      });

      it("shares a rate evenly between sessions, whichever ways their bytes go", async () => {
        const throttle = plane.openThrottle(8 * MIB);
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
        const [slow, fast] = [plane.openThrottle(MIB), plane.openThrottle(100 * MIB)];
        const [a, b, session] = await joinedBy(fast, slow);
        const began = performance.now();
        a.socket.end(Buffer.alloc(300 * KIB));
        b.socket.end();
        expect((await readAll(b.socket)).length).toBe(300 * KIB);
        expect(performance.now() - began).toBeGreaterThan(190);
        await session.ended;
      });

      it("goes on at once when the rate is raised, or the session is not subject to it any more", async () => {
        const throttle = plane.openThrottle(KIB);
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
        session.throttle([plane.openThrottle(KIB)]);
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
        const [a, b, session] = await joinedBy(plane.openThrottle(1));
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
        const [a, b, session] = await joinedBy(plane.openThrottle(1));
        a.socket.resume();
        b.socket.write(Buffer.alloc(64 * KIB));
        await expect.poll(() => session.bytes[1]).toBeGreaterThan(0);
        b.socket.resetAndDestroy();
        expect(await session.ended).toMatchObject({ reason: "reset", by: 1 });
      });
    });

    it("resets both ends of a session that is ended", async () => {
      const [a, b] = [await parked(), await parked()];
      const session = await joined(a, b);
      const seen = Promise.all([once(a.socket, "error"), once(b.socket, "error")]);
      a.socket.resume();
      b.socket.resume();
      session.end("killed");
      expect((await seen).map(([error]) => error)).toMatchObject([{ code: "ECONNRESET" }, { code: "ECONNRESET" }]);
    });
  });
}

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Resolves to false once nothing has moved out of `socket` for a while. */
async function idle(socket: Socket): Promise<boolean> {
  let last = -1;
  while (socket.bytesWritten - socket.writableLength !== last) {
    last = socket.bytesWritten - socket.writableLength;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return false;
}
