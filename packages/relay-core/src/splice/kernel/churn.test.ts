/** Sessions that come and go at random share a thread, its pipes and its numbers: nothing of one may reach another. */
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { randomNumbers, readAll, seedFrom } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { KernelPlane } from "./plane.ts";

const PAIRS = Number(process.env.CHURN_SESSIONS ?? 2_000);
const SEED = seedFrom("CHURN_SEED");
const AT_ONCE = 40;
const NOTHING = Buffer.alloc(0);

let server: Server;

beforeAll(async () => {
  server = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterAll(() => {
  server.close();
});

/** Which connection of the server is which client's: by the client's port. */
const accepted = new Map<number, (socket: Socket) => void>();

async function connection(): Promise<{ near: Socket; relay: Socket }> {
  const near = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", allowHalfOpen: true });
  near.on("error", () => {});
  await once(near, "connect");
  const { promise, resolve } = Promise.withResolvers<Socket>();
  accepted.set(near.localPort ?? 0, resolve);
  claim();
  return { near, relay: await promise };
}

const unclaimed: Socket[] = [];

function claim(): void {
  for (const socket of unclaimed.splice(0)) {
    const port = socket.remotePort ?? 0;
    const taker = accepted.get(port);
    accepted.delete(port); // the system will use it again
    if (taker === undefined) unclaimed.push(socket);
    else taker(socket);
  }
}

/** The session's number, over and over. */
function marked(session: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(session, at);
  return bytes;
}

function expectOnly(session: number, bytes: Buffer): void {
  const whole = bytes.subarray(0, bytes.length - (bytes.length % 4));
  expect(whole.equals(marked(session, whole.length))).toBe(true);
}

it(
  `keeps the bytes of ${PAIRS} sessions apart, and has every descriptor back (CHURN_SEED=${SEED})`,
  async () => {
    server.on("connection", (socket: Socket) => {
      unclaimed.push(socket);
      claim();
    });
    const before = readdirSync("/proc/self/fd").length;
    const plane = new KernelPlane({ threads: 2, pipes: 100 });
    const random = randomNumbers(SEED);
    let next = 1;

    async function one(session: number): Promise<void> {
      const a = await connection();
      const b = await connection();
      const legs = [a, b].map(({ relay }) => plane.park({ kind: "bare", socket: relay, readAhead: NOTHING }, () => {}));
      const [first, second] = legs;
      if (first === undefined || second === undefined) throw new Error("no legs");
      const carried = await plane.join(first, NOTHING, second, NOTHING);
      if (carried === null) throw new Error("nobody had left");
      const size = Math.floor(2 ** (4 + random() * 16)) & ~3;
      if (random() < 0.25) {
        // Nobody reads: the pipe fills. Then the sender, or the one who should have read, resets.
        a.near.write(marked(session, 4 << 20));
        b.near.pause();
        await expect.poll(() => carried.bytes[0]).toBeGreaterThan(0);
        (random() < 0.5 ? a : b).near.resetAndDestroy();
        expect(await carried.ended).toMatchObject({ reason: "reset" });
        a.near.destroy();
        b.near.destroy();
        return;
      }
      a.near.end(marked(session, size));
      b.near.end(marked(session, size));
      const [atA, atB] = await Promise.all([readAll(a.near), readAll(b.near)]);
      expect([atA.length, atB.length]).toEqual([size, size]);
      expectOnly(session, atA);
      expectOnly(session, atB);
      expect(await carried.ended).toMatchObject({ reason: "completed", bytes: [size, size] });
    }

    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (next <= PAIRS) await one(next++);
      }),
    );
    await plane.close();
    await expect.poll(() => readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(before);
  },
  60_000 + PAIRS * 20,
);
