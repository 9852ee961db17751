import { Refusal } from "@serverless-relay/protocol";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Arrival, Rendezvous, Withdrawn } from "./rendezvous.ts";

const ROUTE = { f1: "f1", f2: "f2" };

interface Named extends Arrival {
  readonly id: string;
}

function arrival(id: string, name: string, more: Partial<Named> = {}): Named {
  return { id, name, route: ROUTE, channel: "443", role: undefined, deadline: performance.now() + 1_000, ...more };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("an arrival that is taken for a peer elsewhere", () => {
  it("meets nobody here, and can be taken only once", () => {
    const rendezvous = new Rendezvous<Named>();
    const first = arrival("a", "f1");
    void rendezvous.arrive(first);
    expect(rendezvous.take(first)).toBe(true);
    expect(rendezvous.take(first)).toBe(false);
    void rendezvous.arrive(arrival("b", "f2"));
    expect(rendezvous.size).toBe(2);
  });

  it("stands where it stood once it is put back", async () => {
    const rendezvous = new Rendezvous<Named>();
    const all = ["a", "b", "c"].map((id) => arrival(id, "f1"));
    for (const one of all) void rendezvous.arrive(one);
    const [, middle] = all;
    if (middle === undefined) throw new Error("three were made");
    rendezvous.take(middle);
    rendezvous.putBack(middle);
    for (const id of ["a", "b", "c"]) {
      expect((await rendezvous.arrive(arrival(`peer ${id}`, "f2"))).first.id).toBe(id);
    }
    expect(rendezvous.size).toBe(0);
  });

  it("meets, when it is put back, whoever came for it meanwhile", async () => {
    const rendezvous = new Rendezvous<Named>();
    const first = arrival("a", "f1");
    const meetings = [rendezvous.arrive(first)];
    rendezvous.take(first);
    meetings.push(rendezvous.arrive(arrival("b", "f2")));
    rendezvous.putBack(first);
    const [one, other] = await Promise.all(meetings);
    expect(one).toBe(other);
    expect([one?.first.id, one?.second.id]).toEqual(["b", "a"]);
    expect([rendezvous.size, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it("is still one of those who wait on its route", () => {
    const rendezvous = new Rendezvous<Named>();
    const first = arrival("a", "f1");
    void rendezvous.arrive(first);
    rendezvous.take(first);
    expect(rendezvous.waitingOn(ROUTE)).toEqual([first]);
  });

  it("does not forget that a peer asked for the same role", async () => {
    const rendezvous = new Rendezvous<Named>();
    const first = arrival("a", "f1", { role: "client" });
    const meeting = rendezvous.arrive(first);
    void rendezvous.arrive(arrival("b", "f2", { role: "client" }));
    rendezvous.take(first);
    await rendezvous.arrive(arrival("c", "f1")); // b's: nobody is left at the place
    rendezvous.putBack(first);
    vi.advanceTimersByTime(1_000);
    await expect(meeting).rejects.toMatchObject({ reason: "role_conflict" });
  });

  it("has its pair once that is settled", async () => {
    const rendezvous = new Rendezvous<Named>();
    const first = arrival("a", "f1");
    const meeting = rendezvous.arrive(first);
    expect(rendezvous.settle(first, { first, second: first })).toBe(false); // not taken
    rendezvous.take(first);
    const pair = { first, second: arrival("elsewhere", "f2") };
    expect(rendezvous.settle(first, pair)).toBe(true);
    expect(await meeting).toBe(pair);
    expect(rendezvous.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is not timed out while it is taken, but is as soon as it is put back too late", async () => {
    const rendezvous = new Rendezvous<Named>();
    const first = arrival("a", "f1");
    const meeting = rendezvous.arrive(first);
    rendezvous.take(first);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(rendezvous.has(first)).toBe(true);
    rendezvous.putBack(first);
    vi.advanceTimersByTime(1);
    await expect(meeting).rejects.toMatchObject({ reason: "peer_timeout" });
  });

  it.each([
    ["leaves", (rendezvous: Rendezvous<Named>, first: Named) => rendezvous.withdraw(first), Withdrawn],
    ["is sent away", (rendezvous: Rendezvous<Named>) => rendezvous.evict(new Refusal("no_route"), ROUTE), Refusal],
    ["is sent away with all", (rendezvous: Rendezvous<Named>) => rendezvous.evict(new Refusal("draining")), Refusal],
  ])("that %s can be neither settled nor put back", async (_what, leave, why) => {
    const rendezvous = new Rendezvous<Named>();
    const first = arrival("a", "f1");
    const meeting = rendezvous.arrive(first);
    rendezvous.take(first);
    leave(rendezvous, first);
    await expect(meeting).rejects.toBeInstanceOf(why);
    rendezvous.putBack(first);
    expect(rendezvous.settle(first, { first, second: first })).toBe(false);
    expect(rendezvous.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is told of a peer elsewhere that asked for the same role", async () => {
    const rendezvous = new Rendezvous<Named>();
    const first = arrival("a", "f1", { role: "client" });
    const meeting = rendezvous.arrive(first);
    rendezvous.noteConflict(first);
    vi.advanceTimersByTime(2_000);
    await expect(meeting).rejects.toMatchObject({ reason: "role_conflict" });
  });
});
