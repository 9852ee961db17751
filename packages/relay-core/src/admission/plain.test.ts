import { once } from "node:events";
import type { Socket } from "node:net";
import { Refusal } from "@serverless-relay/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import type { RelayEvent } from "../events.ts";
import { Gate } from "./gate.ts";
import { connection } from "./loopback.test-support.ts";
import { admitPlain } from "./plain.ts";

let accepted: Socket;
let caller: Socket;
let gate: Gate;
let events: RelayEvent[];

beforeEach(async () => {
  ({ accepted, caller } = await connection());
  gate = new Gate({ handshakes: 10, handshakesPerAddress: 10, arrivalsPerAddress: 10 });
  events = [];
});

function admit<Grant>(authorize: () => Grant) {
  return admitPlain(accepted, gate.enter(accepted), authorize, (event) => events.push(event));
}

const address = () => `127.0.0.1:${caller.localPort}`;

it("whoever comes is admitted as it is: unverified, on the bare connection, and no longer on its way in", () => {
  const admitted = admit(() => "what it is granted");
  expect(admitted).toMatchObject({
    address: address(),
    connection: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
    identity: null,
    request: null,
    grant: "what it is granted",
    transport: "plain",
    durationMs: 0,
  });
  expect(admitted.link).toEqual({ kind: "bare", socket: accepted, readAhead: Buffer.alloc(0) });
  expect([gate.size, accepted.destroyed, events]).toEqual([0, false, []]);
});

describe("as there is no answer to give, whoever is refused is dropped,", () => {
  it.each<[string, Refusal, object]>([
    ["draining", new Refusal("draining"), {}],
    ["full", new Refusal("full", { limit: "sessions" }), { limit: "sessions" }],
    ["full", new Refusal("quota_exceeded", { limit: "parkedPerRoute" }), { limit: "parkedPerRoute" }],
  ])("and the log says that the relay was %s", async (reason, refusal, more) => {
    caller.resume();
    const closed = once(caller, "end");
    const why = (): never => {
      throw refusal;
    };
    expect(() => admit(why)).toThrow(expect.objectContaining({ name: "Dropped", reason }) as Error);
    expect(events).toEqual([
      {
        event: "dropped",
        reason,
        address: address(),
        connection: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
        names: [],
        durationMs: 0,
        ...more,
      },
    ]);
    await closed;
  });
});

it("an error that is no refusal is left to whoever called", () => {
  const fault = new TypeError("a fault of the relay");
  const why = (): never => {
    throw fault;
  };
  expect(() => admit(why)).toThrow(fault);
  expect([accepted.destroyed, events]).toEqual([false, []]);
});
