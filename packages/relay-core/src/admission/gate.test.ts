import { once } from "node:events";
import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Dropped } from "./drops.ts";
import { Gate, type GateLimits } from "./gate.ts";
import { connection } from "./loopback.test-support.ts";

const ANOTHER = "127.0.0.2";
const GRACE_MS = 1_000;

// Only the clock is the test's: the connections are real.
beforeEach(() => vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => vi.useRealTimers());

function gate(limits: Partial<GateLimits>): Gate {
  return new Gate({ handshakes: 100, handshakesPerAddress: 100, arrivalsPerAddress: 100, ...limits });
}

const arrival = async (from?: string): Promise<Socket> => (await connection(from)).accepted;

/** Lets so many in, and says what becomes of them if they have to make room. */
async function letIn(into: Gate, count: number, from?: string): Promise<Dropped[][]> {
  const fates: Dropped[][] = [];
  for (let index = 0; index < count; index++) {
    const fate: Dropped[] = [];
    fates.push(fate);
    into.enter(await arrival(from)).onCrowdedOut = (why) => fate.push(why);
  }
  return fates;
}

function expectNoRoom(enter: () => unknown, limit: string, reason = "too_many_handshakes"): void {
  expect(enter).toThrow(expect.objectContaining({ name: "Dropped", reason, limit, message: reason }) as Error);
}

describe("when the places are taken, a newcomer is turned away,", () => {
  it("and whoever comes from elsewhere is not, where they are those of one address", async () => {
    const some = gate({ handshakesPerAddress: 2 });
    await letIn(some, 2);
    const [third, stranger] = [await arrival(), await arrival(ANOTHER)];
    expectNoRoom(() => some.enter(third), "handshakesPerAddress");
    some.enter(stranger);
    expect(some.size).toBe(3);
  });

  it("from wherever it comes, where they are all there are", async () => {
    const some = gate({ handshakes: 2 });
    await letIn(some, 2);
    const [third, stranger] = [await arrival(), await arrival(ANOTHER)];
    expectNoRoom(() => some.enter(third), "handshakes");
    expectNoRoom(() => some.enter(stranger), "handshakes");
    expect(some.size).toBe(2);
  });

  it("and is left as it was: what to do with it is the caller's affair", async () => {
    const some = gate({ handshakes: 0 });
    const socket = await arrival();
    const listeners = socket.listenerCount("close");
    expectNoRoom(() => some.enter(socket), "handshakes");
    expect([socket.destroyed, socket.listenerCount("close"), some.size]).toEqual([false, listeners, 0]);
  });
});

describe("whoever has been on its way in for a second makes room for a newcomer:", () => {
  it("the one that came first, and not a moment before", async () => {
    const some = gate({ handshakes: 2 });
    const [first, second] = await letIn(some, 1);
    vi.advanceTimersByTime(GRACE_MS - 1);
    const [later] = await letIn(some, 1);
    const newcomer = await arrival();
    expectNoRoom(() => some.enter(newcomer), "handshakes");
    vi.advanceTimersByTime(1);
    some.enter(newcomer);
    expect(first).toEqual([
      expect.objectContaining({
        reason: "too_many_handshakes",
        limit: "handshakes",
        message: "it made room for a newcomer",
      }),
    ]);
    expect([second, later, some.size]).toEqual([undefined, [], 2]);
    const another = await arrival();
    expectNoRoom(() => some.enter(another), "handshakes"); // the next in line has not had its second
  });

  it("the first of its own address, where that one's places are taken", async () => {
    const some = gate({ handshakesPerAddress: 1 });
    const [stranger] = await letIn(some, 1, ANOTHER);
    const [own] = await letIn(some, 1);
    vi.advanceTimersByTime(GRACE_MS);
    some.enter(await arrival());
    expect(own).toMatchObject([{ limit: "handshakesPerAddress" }]);
    expect([stranger, some.size]).toEqual([[], 2]);
  });

  it("it is cut off, unless whoever has it in hand wants it otherwise", async () => {
    const some = gate({ handshakes: 1 });
    const { accepted, caller } = await connection();
    some.enter(accepted);
    vi.advanceTimersByTime(GRACE_MS);
    caller.resume();
    const gone = once(caller, "end");
    some.enter(await arrival());
    await gone;
    expect(accepted.destroyed).toBe(true);
    expect(some.size).toBe(1); // that it closes frees nobody else's place
  });
});

describe("a place is free again", () => {
  it("once whoever had it has left, which counts once", async () => {
    const some = gate({ handshakesPerAddress: 2 });
    const socket = await arrival();
    const listeners = socket.listenerCount("close");
    const place = some.enter(socket);
    some.enter(await arrival());
    place.leave();
    place.leave();
    expect([some.size, socket.listenerCount("close"), socket.destroyed]).toEqual([1, listeners, false]);
    some.enter(await arrival());
    const fourth = await arrival();
    expectNoRoom(() => some.enter(fourth), "handshakesPerAddress");
  });

  it("once its connection has closed", async () => {
    const some = gate({ handshakes: 1, handshakesPerAddress: 1 });
    const { accepted, caller } = await connection();
    some.enter(accepted);
    const closed = once(accepted, "close");
    caller.destroy();
    accepted.end();
    accepted.resume();
    await closed;
    expect(some.size).toBe(0);
    some.enter(await arrival());
    expect(some.size).toBe(1);
  });
});

describe("from one address", () => {
  it("so many arrive in a second, whether they have left by then or not", async () => {
    const some = gate({ arrivalsPerAddress: 2 });
    some.enter(await arrival()).leave();
    some.enter(await arrival()).leave();
    const third = await arrival();
    expectNoRoom(() => some.enter(third), "arrivalsPerAddress", "too_many_arrivals");
    expect(some.size).toBe(0);
    some.enter(await arrival(ANOTHER));
    vi.advanceTimersByTime(1_000);
    some.enter(third);
    expect(some.size).toBe(2);
  });
});

it("other limits hold from the next newcomer on, and nobody who is in is put out for them", async () => {
  const some = gate({});
  const fates = await letIn(some, 3);
  some.setLimits({ handshakes: 100, handshakesPerAddress: 3, arrivalsPerAddress: 100 });
  const fourth = await arrival();
  expectNoRoom(() => some.enter(fourth), "handshakesPerAddress");
  some.setLimits({ handshakes: 3, handshakesPerAddress: 100, arrivalsPerAddress: 100 });
  expectNoRoom(() => some.enter(fourth), "handshakes");
  some.setLimits({ handshakes: 100, handshakesPerAddress: 100, arrivalsPerAddress: 0 });
  expectNoRoom(() => some.enter(fourth), "arrivalsPerAddress", "too_many_arrivals");
  expect([fates.flat(), some.size]).toEqual([[], 3]);
});
