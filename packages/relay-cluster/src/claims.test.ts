import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Claims, type Grant, type Waiter } from "./claims.ts";
import { peerPlaceOf, placeOf } from "./places.ts";
import { Network, type UnreliableBus } from "./unreliable-bus.test-support.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

type State = "waiting" | "taken" | "met";

/** A parked function, as one relay's rendezvous would hold it. */
class Parked implements Waiter {
  readonly id: string;
  readonly place: string;
  readonly peerPlace: string;
  readonly role: Waiter["role"];
  readonly relay: Relay;
  state: State = "waiting";
  met: Parked | null = null;
  conflicts = 0;
  /** how often it was told that its peer waits nowhere */
  nowhere = 0;
  readonly stop: () => void;

  constructor(relay: Relay, id: string, pair: string, name: "f1" | "f2", role?: Waiter["role"]) {
    const spot = { f1: "f1", f2: "f2", channel: pair, name };
    this.relay = relay;
    this.id = id;
    this.place = placeOf(spot);
    this.peerPlace = peerPlaceOf(spot);
    this.role = role;
    this.stop = relay.claims.seek(this);
  }

  take(): boolean {
    if (this.state !== "waiting" || this.relay.dead) return false;
    this.state = "taken";
    return true;
  }

  putBack(): void {
    expect(this.state).toBe("taken");
    this.state = "waiting";
  }

  noteConflict(): void {
    this.conflicts++;
  }

  noteNobody(): void {
    expect(this.state).toBe("waiting");
    this.nowhere++;
  }

  async meet(grant: Grant): Promise<void> {
    await this.relay.world.hop();
    const other = this.relay.world.relays.find(({ id }) => id === grant.relay);
    const peer = other?.dead === false && !this.relay.dead ? other.claims.redeem(grant.claim) : null;
    if (!(peer instanceof Parked)) throw new Error("the hop failed");
    for (const [one, two] of [
      [this, peer],
      [peer, this],
    ] as const) {
      expect(one.state).toBe("taken");
      expect(one.peerPlace).toBe(two.place);
      one.state = "met";
      one.met = two;
      one.stop();
    }
  }
}

class Relay {
  readonly id: string;
  readonly bus: UnreliableBus;
  readonly claims: Claims<Parked>;
  readonly world: World;
  dead = false;

  constructor(world: World, id: string) {
    this.world = world;
    this.id = id;
    this.bus = world.network.bus();
    this.claims = new Claims(this.bus, "relay.test", { id, address: `${id}:1` });
  }

  die(): void {
    this.dead = true;
    this.bus.isCutOff = true;
    this.claims.close();
  }
}

class World {
  readonly network: Network;
  readonly relays: Relay[];

  constructor(seed: number, { relays = 3, loss = 0, delayMs = 5 } = {}) {
    let state = seed | 1;
    const random = (): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      return (state >>> 8) / 2 ** 24;
    };
    vi.spyOn(Math, "random").mockImplementation(random); // the same seed is the same run
    this.network = new Network({ random, loss, delayMs });
    this.relays = Array.from({ length: relays }, (_, index) => new Relay(this, `relay-${index}`));
  }

  relay(index: number): Relay {
    const relay = this.relays[index % this.relays.length];
    if (relay === undefined) throw new Error("no relays");
    return relay;
  }

  /** The way to another relay. */
  async hop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.network.later(resolve);
    await promise;
  }

  close(): void {
    for (const { claims } of this.relays) claims.close();
  }
}

/** Who arrives where and when: both ends of each of `pairs` pairs, in any order. */
const arrivals = (pairs: number) =>
  fc.array(
    fc.record({ relays: fc.tuple(fc.nat(2), fc.nat(2)), at: fc.tuple(fc.nat(30), fc.nat(30)), ids: fc.boolean() }),
    { minLength: 1, maxLength: pairs },
  );

interface PlannedPair {
  readonly relays: readonly [number, number];
  readonly at: readonly [number, number];
  /** whose id is the smaller one */
  readonly ids: boolean;
}

function park(world: World, plan: readonly PlannedPair[]): Parked[] {
  const parked: Parked[] = [];
  for (const [index, { relays, at, ids }] of plan.entries()) {
    for (const end of [0, 1] as const) {
      const id = `${(end === 0) === ids ? "a" : "b"}-${index}`;
      setTimeout(
        () => parked.push(new Parked(world.relay(relays[end]), id, `pair ${index}`, end === 0 ? "f1" : "f2")),
        at[end],
      );
    }
  }
  return parked;
}

const everybodyMet = (world: World, parked: readonly Parked[]): void => {
  const sizes = world.relays.filter(({ dead }) => !dead).map(({ claims }) => claims.size);
  world.close();
  expect(parked.filter(({ state }) => state !== "met").map(({ id }) => id)).toEqual([]);
  for (const size of sizes) expect(size).toEqual({ seeking: 0, granted: 0 });
  expect(vi.getTimerCount()).toBe(0);
};

const apart = ({ relays: [one, two] }: PlannedPair): boolean => one !== two;

describe("functions that are parked at different relays", () => {
  it("meet, each with its own peer and once, in whatever order they come", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), arrivals(6), async (seed, plan) => {
        const world = new World(seed);
        const parked = park(world, plan.filter(apart));
        await vi.advanceTimersByTimeAsync(1_000);
        everybodyMet(world, parked);
      }),
      { numRuns: 150 },
    );
  });

  it("meet although a third of what the relays say is lost", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), arrivals(4), async (seed, plan) => {
        const world = new World(seed, { loss: 1 / 3 });
        const parked = park(world, plan.filter(apart));
        await vi.advanceTimersByTimeAsync(15 * 60_000);
        everybodyMet(world, parked);
      }),
      { numRuns: 60 },
    );
  });

  it("meet once relays that were cut off are back", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), arrivals(6), fc.array(fc.nat(2), { maxLength: 3 }), async (seed, plan, cut) => {
        const world = new World(seed);
        const parked = park(world, plan.filter(apart));
        await vi.advanceTimersByTimeAsync(seed % 40);
        for (const index of cut) world.relay(index).bus.isCutOff = true;
        await vi.advanceTimersByTimeAsync(1_000);
        for (const index of cut) world.relay(index).bus.comeBack();
        await vi.advanceTimersByTimeAsync(10_000);
        everybodyMet(world, parked);
      }),
      { numRuns: 100 },
    );
  });

  it("hardly ask any more once nobody was there, and meet when it is said that somebody may have been missed", async () => {
    const world = new World(11);
    const [one, other] = [world.relay(0), world.relay(1)];
    const questions = vi.spyOn(one.bus, "ask");
    one.bus.isAlone = true; // as where NATS servers are cut off from one another: it is answered, and hears nobody
    const parked = [new Parked(one, "a", "pair", "f1"), new Parked(other, "b", "pair", "f2")];
    await vi.advanceTimersByTimeAsync(14 * 60_000 - 20_000);
    expect(questions.mock.calls.length).toBeLessThanOrEqual(4);
    one.bus.isAlone = false;
    expect(parked.map(({ state }) => state)).toEqual(["waiting", "waiting"]);
    other.claims.lookForAll();
    await vi.advanceTimersByTimeAsync(1_000);
    everybodyMet(world, parked);
  });

  it("are free again within 2 s when the relay that claimed them has died", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(20), async (seed, dieAfter) => {
        const world = new World(seed);
        const survivor = new Parked(world.relay(0), "b", "pair", "f1");
        await vi.advanceTimersByTimeAsync(50);
        const lost = new Parked(world.relay(1), "a", "pair", "f2");
        await vi.advanceTimersByTimeAsync(dieAfter);
        world.relay(1).die();
        if (lost.state === "met") return world.close();
        const other = new Parked(world.relay(2), "c", "pair", "f2");
        await vi.advanceTimersByTimeAsync(2_100);
        expect(survivor.met).toBe(other);
        everybodyMet(world, [survivor, other]);
      }),
      { numRuns: 100 },
    );
  });

  it("meet on a route of one name with itself", async () => {
    const world = new World(1);
    const spot = placeOf({ f1: "f", f2: "f", channel: "443", name: "f" });
    expect(peerPlaceOf({ f1: "f", f2: "f", channel: "443", name: "f" })).toBe(spot);
    world.close();
  });

  it("are told that their peer waits nowhere once all were asked, and not while nobody can be", async () => {
    const world = new World(3);
    world.relay(0).bus.isCutOff = true;
    const one = new Parked(world.relay(0), "a", "pair", "f1", "client");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(one.nowhere).toBe(0);
    world.relay(0).bus.comeBack();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(one.nowhere).toBeGreaterThan(0);
    const inConflict = new Parked(world.relay(1), "b", "pair", "f2", "client");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(inConflict.nowhere).toBe(0); // somebody is there, though in the same role
    one.stop();
    inConflict.stop();
    everybodyMet(world, []);
  });

  it("do not meet where both ask for the same role, and both are told", async () => {
    const world = new World(7);
    const one = new Parked(world.relay(0), "a", "pair", "f1", "client");
    const other = new Parked(world.relay(1), "b", "pair", "f2", "client");
    await vi.advanceTimersByTimeAsync(1_000);
    expect([one.state, other.state]).toEqual(["waiting", "waiting"]);
    expect(Math.min(one.conflicts, other.conflicts)).toBeGreaterThan(0);
    const fitting = new Parked(world.relay(2), "c", "pair", "f2", "server");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(one.met).toBe(fitting);
    one.stop();
    other.stop();
    everybodyMet(world, [one, fitting]);
  });
});
