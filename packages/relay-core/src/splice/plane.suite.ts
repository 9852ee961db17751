/** What every data plane promises. Run over each implementation; files `*.suite.ts` hold no tests of their own. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { digest, readAll } from "@serverless-relay/testkit";
import { describe, expect, it } from "vitest";
import { idle, NOTHING, planeStage } from "./plane.test-support.ts";
import type { DataPlane } from "./plane.ts";
import { SessionWatch } from "./session-watch.ts";
import { describeThrottles } from "./throttle.suite.ts";
import { monotonicMs } from "./token-bucket.ts";

export function describeDataPlane(name: string, open: () => DataPlane): void {
  describe(`the ${name} data plane`, () => {
    const stage = planeStage(open);
    const { parked, joined } = stage;

    it("says that it turns, while it carries much and when it is closed, too", async () => {
      await stage.plane.turned();
      const [one, other] = [await parked(), await parked()];
      await joined(one, other);
      other.socket.resume();
      one.socket.write(Buffer.alloc(1 << 24));
      await Promise.all([stage.plane.turned(), stage.plane.turned()]);
      for (const { socket } of [one, other]) socket.destroy();
      const underWay = stage.plane.turned();
      await stage.plane.close();
      await underWay;
      await stage.plane.turned();
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
      expect(await stage.plane.join(gone.leg, NOTHING, left.leg, NOTHING)).toBeNull();
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
      stage.plane.dismiss(end.leg, Buffer.from("sorry"));
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
      stage.plane.answerWithinMs = 200;
      const [a, b] = [await parked(), await parked()];
      const session = await joined(a, b);
      const sent = randomBytes(16 << 20);
      a.socket.end(sent);
      await new Promise((resolve) => setTimeout(resolve, 6 * stage.plane.answerWithinMs)); // that is what is promised
      b.socket.end();
      expect(digest(await readAll(b.socket))).toBe(digest(sent));
      a.socket.resume();
      expect(await session.ended).toMatchObject({ reason: "completed" });
    });

    it("lets a dismissed client read its last words, though the plane is closed at once", async () => {
      const ends = [await parked(), await parked(Buffer.from("ahead"))];
      for (const { leg } of ends) stage.plane.dismiss(leg, Buffer.from("sorry"));
      const closed = stage.plane.close();
      for (const { socket } of ends) expect((await readAll(socket)).toString()).toBe("sorry");
      for (const { socket } of ends) socket.end();
      await closed;
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

    describeThrottles(stage);
  });
}
