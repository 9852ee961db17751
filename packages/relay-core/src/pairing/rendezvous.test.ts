import { setImmediate as nextTurn } from "node:timers/promises";
import { Refusal } from "@serverless-relay/protocol";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Arrival, Rendezvous, Withdrawn } from "./rendezvous.ts";

const ROUTE = { f1: "f1", f2: "f2" };
const SELF = { f1: "f", f2: "f" };

interface Named extends Arrival {
  readonly id: string;
}

function arrival(id: string, name: string | null, more: Partial<Named> = {}): Named {
  return { id, name, route: ROUTE, channel: "443", role: undefined, deadline: performance.now() + 60_000, ...more };
}

async function pairOf(pairing: Promise<{ first: Named; second: Named }>): Promise<[string, string]> {
  const { first, second } = await pairing;
  return [first.id, second.id];
}

async function reasonOf(pairing: Promise<unknown>): Promise<string> {
  const error = await pairing.then(
    () => null,
    (why: unknown) => why,
  );
  return error instanceof Refusal ? error.reason : String(error);
}

afterEach(() => {
  vi.useRealTimers();
});

describe("the rendezvous", () => {
  it("pairs the oldest first", async () => {
    const rendezvous = new Rendezvous<Named>();
    const waiting = ["a", "b", "c"].map((id) => rendezvous.arrive(arrival(id, "f1")));
    for (const [index, id] of ["a", "b", "c"].entries()) {
      expect(await pairOf(rendezvous.arrive(arrival(`peer ${id}`, "f2")))).toEqual([id, `peer ${id}`]);
      expect(await pairOf(waiting[index] ?? Promise.reject())).toEqual([id, `peer ${id}`]);
    }
    expect(rendezvous.size).toBe(0);
  });

  it("never pairs two of the same name, unless the route is between the two", async () => {
    const rendezvous = new Rendezvous<Named>();
    void rendezvous.arrive(arrival("a", "f1"));
    void rendezvous.arrive(arrival("b", "f1"));
    expect(rendezvous.size).toBe(2);
    void rendezvous.arrive(arrival("c", "f", { route: SELF }));
    expect(await pairOf(rendezvous.arrive(arrival("d", "f", { route: SELF })))).toEqual(["c", "d"]);
  });

  it("keeps channels and routes apart", async () => {
    const rendezvous = new Rendezvous<Named>();
    void rendezvous.arrive(arrival("a", "f1", { channel: "1" }));
    void rendezvous.arrive(arrival("b", "f2", { channel: "2" }));
    void rendezvous.arrive(arrival("c", "f2", { channel: "1", route: { f1: "f2", f2: "f3" } }));
    expect(rendezvous.size).toBe(3);
    expect(await pairOf(rendezvous.arrive(arrival("d", "f2", { channel: "1" })))).toEqual(["a", "d"]);
  });

  it("pairs plain ends with one another alone", async () => {
    const rendezvous = new Rendezvous<Named>();
    void rendezvous.arrive(arrival("verified", "f1"));
    void rendezvous.arrive(arrival("a", null));
    expect(await pairOf(rendezvous.arrive(arrival("b", null)))).toEqual(["a", "b"]);
    expect(rendezvous.size).toBe(1);
  });

  it("matches no two that ask for the same side, and takes the oldest of those that fit", async () => {
    const rendezvous = new Rendezvous<Named>();
    void rendezvous.arrive(arrival("client", "f1", { role: "client" }));
    void rendezvous.arrive(arrival("either", "f1"));
    void rendezvous.arrive(arrival("server", "f1", { role: "server" }));
    expect(await pairOf(rendezvous.arrive(arrival("x", "f2", { role: "client" })))).toEqual(["either", "x"]);
    expect(await pairOf(rendezvous.arrive(arrival("y", "f2", { role: "client" })))).toEqual(["server", "y"]);
    expect(await pairOf(rendezvous.arrive(arrival("z", "f2")))).toEqual(["client", "z"]);
  });

  it("says why nobody came", async () => {
    vi.useFakeTimers();
    const rendezvous = new Rendezvous<Named>();
    const soon = () => ({ deadline: performance.now() + 1000 });
    const alone = rendezvous.arrive(arrival("alone", "f1", { channel: "1", ...soon() }));
    const before = rendezvous.arrive(arrival("before", "f1", { role: "client", ...soon() }));
    const after = rendezvous.arrive(arrival("after", "f2", { role: "client", ...soon() }));
    const lost = rendezvous.arrive(arrival("lost", "f1", { channel: "2", ...soon() }), { again: true });
    const reasons = Promise.all([alone, before, after, lost].map(reasonOf));
    vi.advanceTimersByTime(1000);
    expect(await reasons).toEqual(["peer_timeout", "role_conflict", "role_conflict", "peer_vanished"]);
    expect(rendezvous.size).toBe(0);
  });

  it("puts one whose peer vanished back at the head of its queue", async () => {
    const rendezvous = new Rendezvous<Named>();
    void rendezvous.arrive(arrival("later", "f1"));
    void rendezvous.arrive(arrival("again", "f1"), { again: true });
    expect(await pairOf(rendezvous.arrive(arrival("peer", "f2")))).toEqual(["again", "peer"]);
  });

  it("forgets one that has gone, at once", async () => {
    const rendezvous = new Rendezvous<Named>();
    const gone = arrival("gone", "f1");
    const waiting = rendezvous.arrive(gone);
    rendezvous.withdraw(gone);
    await expect(waiting).rejects.toBeInstanceOf(Withdrawn);
    void rendezvous.arrive(arrival("peer", "f2"));
    expect(rendezvous.waiting().map(({ id }) => id)).toEqual(["peer"]);
  });

  it("sends away those of one route, and no others", async () => {
    const rendezvous = new Rendezvous<Named>();
    const here = rendezvous.arrive(arrival("here", "f1"));
    void rendezvous.arrive(arrival("elsewhere", "f", { route: SELF }));
    const { count, told } = rendezvous.evict(new Refusal("no_route"), ROUTE);
    expect(count).toBe(1);
    expect(await reasonOf(here)).toBe("no_route");
    await told;
    expect(rendezvous.waiting().map(({ id }) => id)).toEqual(["elsewhere"]);
    expect([rendezvous.countOn(ROUTE), rendezvous.countOn(SELF)]).toEqual([0, 1]);
  });

  it("sends thousands away a few in each turn of the event loop, and none of them can be paired meanwhile", async () => {
    const rendezvous = new Rendezvous<Named>();
    let toldInThisTurn = 0;
    const tolds: number[] = [];
    for (let index = 0; index < 5_000; index++) {
      rendezvous.arrive(arrival(`${index}`, "f1", { channel: `${index % 7}` })).catch(() => toldInThisTurn++);
    }
    expect(rendezvous.countOn(ROUTE)).toBe(5_000);
    let over = false;
    const { count, told } = rendezvous.evict(new Refusal("no_route"), ROUTE);
    void told.then(() => {
      over = true;
    });
    expect([count, rendezvous.countOn(ROUTE)]).toEqual([5_000, 0]);
    const peer = rendezvous.arrive(arrival("peer", "f2", { channel: "0" }));
    for (; !over; toldInThisTurn = 0) {
      await nextTurn();
      tolds.push(toldInThisTurn);
    }
    expect(Math.max(...tolds)).toBeLessThanOrEqual(128); // the first turn may have two slices, the test's own and the first
    expect(tolds.reduce((sum, each) => sum + each)).toBe(5_000);
    expect(rendezvous.waiting().map(({ id }) => id)).toEqual(["peer"]);
    expect(await pairOf(rendezvous.arrive(arrival("late", "f1", { channel: "0" })))).toEqual(["peer", "late"]);
    await peer;
    expect([rendezvous.size, rendezvous.countOn(ROUTE)]).toEqual([0, 0]);
  });

  it("of those that are being sent away, one may go away by itself, and others come anew to where they waited", async () => {
    const rendezvous = new Rendezvous<Named>();
    const before = Array.from({ length: 200 }, (_, index) => arrival(`${index}`, "f1"));
    const reasons = before.map((each) => reasonOf(rendezvous.arrive(each)));
    const { told } = rendezvous.evict(new Refusal("no_route"), ROUTE);
    const anew = ["x", "y"].map((id) => rendezvous.arrive(arrival(id, "f1")));
    for (const each of before.slice(190)) rendezvous.withdraw(each);
    await told;
    expect(await Promise.all(reasons.slice(0, 190))).toEqual(Array.from({ length: 190 }, () => "no_route"));
    expect(new Set(await Promise.all(reasons.slice(190)))).toEqual(new Set(["Withdrawn"]));
    expect(rendezvous.countOn(ROUTE)).toBe(2);
    for (const id of ["x", "y"]) expect((await pairOf(rendezvous.arrive(arrival("peer", "f2"))))[0]).toBe(id);
    await Promise.all(anew);
    expect([rendezvous.size, rendezvous.countOn(ROUTE)]).toEqual([0, 0]);
  });

  it("counts who waits on a route, however they leave", async () => {
    vi.useFakeTimers();
    const rendezvous = new Rendezvous<Named>();
    const counts: number[] = [];
    const note = () => counts.push(rendezvous.countOn(ROUTE));
    const gone = arrival("gone", "f1");
    rendezvous.arrive(gone).catch(() => {});
    rendezvous.arrive(arrival("late", "f1", { deadline: performance.now() + 1_000 })).catch(() => {});
    void rendezvous.arrive(arrival("paired", "f1"));
    note();
    rendezvous.withdraw(gone);
    note();
    await vi.advanceTimersByTimeAsync(2_000);
    note();
    await rendezvous.arrive(arrival("peer", "f2"));
    note();
    expect(counts).toEqual([3, 2, 1, 0]);
  });
});
