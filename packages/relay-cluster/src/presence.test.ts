import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Presence } from "./presence.ts";
import { Network, type UnreliableBus } from "./unreliable-bus.test-support.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

class Relay {
  readonly bus: UnreliableBus;
  readonly presence: Presence;
  returned = 0;

  constructor(network: Network, id: string) {
    this.bus = network.bus();
    this.presence = new Presence(this.bus, "relay.test", id, () => this.returned++);
  }
}

function cluster(size: number, loss = 0): Relay[] {
  const network = new Network({ random: Math.random, loss, delayMs: 5 });
  return Array.from({ length: size }, (_, index) => new Relay(network, `relay-${index}`));
}

const minutes = (count: number) => vi.advanceTimersByTimeAsync(count * 60_000);

/** No timer is left. */
function closeAll(relays: readonly Relay[]): void {
  for (const { presence } of relays) presence.close();
  vi.advanceTimersByTime(10);
  expect(vi.getTimerCount()).toBe(0);
}

describe("a relay that was cut off, with nobody told of it", () => {
  it.each([3, 40])(
    "is noticed by %d others once it is back, and notices them: at the first, and after the last",
    async (size) => {
      const relays = cluster(size);
      const [lost, ...others] = relays as [Relay, ...Relay[]];
      await minutes(1);
      lost.bus.isCutOff = true;
      await minutes(1);
      expect(relays.every(({ returned }) => returned === 0)).toBe(true);
      lost.bus.isCutOff = false;
      await minutes(5);
      expect(lost.returned).toBe(2);
      expect(others.every(({ returned }) => returned === 1)).toBe(true);
      closeAll(relays);
    },
  );

  it("is not noticed for a single message that was lost, nor because it is new", async () => {
    const network = new Network({ random: Math.random, loss: 0, delayMs: 5 });
    const relays = [new Relay(network, "a"), new Relay(network, "b")];
    const [one] = relays as [Relay, Relay];
    await minutes(1);
    one.bus.isCutOff = true;
    await vi.advanceTimersByTimeAsync(3_700); // the shortest pause between two
    one.bus.isCutOff = false;
    relays.push(new Relay(network, "c"));
    await minutes(5);
    expect(relays.map(({ returned }) => returned)).toEqual([0, 0, 0]);
    closeAll(relays);
  });
});

describe("with many relays", () => {
  it("each hears some ten others a second, however many there are, and none seems to have been away", async () => {
    const relays = cluster(80);
    await minutes(1);
    const [one] = relays as [Relay, ...Relay[]];
    let heard = 0;
    const listening = one.bus.hear("relay.test.here", () => heard++);
    await minutes(1);
    expect(heard / 60).toBeGreaterThan(5);
    expect(heard / 60).toBeLessThan(15);
    expect(relays.every(({ returned }) => returned === 0)).toBe(true);
    listening.close();
    closeAll(relays);
  });
});
