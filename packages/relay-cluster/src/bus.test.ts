import { RunningNats, until } from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Buses, describeBus } from "./bus.suite.ts";
import { type Bus, NOBODY } from "./bus.ts";
import { NatsBus } from "./nats-bus.ts";
import { connectNats } from "./nats-connection.ts";
import { Network } from "./unreliable-bus.test-support.ts";

let nats: RunningNats;
beforeAll(async () => {
  nats = await RunningNats.start();
});
afterAll(() => nats.stop());

async function onNats(): Promise<Buses> {
  const connect = () => connectNats({ servers: nats.urls }, "a test");
  const connections = await Promise.all([connect(), connect(), connect()]);
  const failures: Error[] = [];
  const [one, two, three] = connections.map((connection) => new NatsBus(connection, (error) => failures.push(error)));
  if (one === undefined || two === undefined || three === undefined) throw new Error("three were made");
  const close = async () => {
    await Promise.all(connections.map((connection) => connection.close()));
    expect(failures).toEqual([]);
  };
  return { buses: [one, two, three], close };
}

describeBus("NATS", onNats);

describeBus("in memory, with nothing that fails", async () => {
  const network = new Network({ random: Math.random, loss: 0, delayMs: 1 });
  return { buses: [network.bus(), network.bus(), network.bus()], close: async () => {} };
});

describe("NATS as a bus", () => {
  it("tells when it is away and when it is back; what listened before it went listens again", async () => {
    const { buses, close } = await onNats();
    const [one, two] = buses as readonly [NatsBus, Bus, Bus];
    two.listen("here", "one", () => Buffer.from("still here"));
    let returns = 0;
    one.onReturn(() => returns++);
    await nats.halt();
    await until("it is away", () => !one.isThere);
    await expect(one.ask("here", Buffer.alloc(0), 100)).rejects.toThrow();
    await nats.boot();
    await until("it is back", () => returns === 1 && one.isThere);
    await until("the other is, too", async () => (await one.ask("here", Buffer.alloc(0), 1_000)) !== NOBODY);
    await close();
  });
});
