import { once } from "node:events";
import { connect, createServer, type RelayServer } from "@serverless-relay/client";
import { type FunctionFiles, RunningRelay } from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DelayingProxy } from "./delaying-proxy.ts";

const ROUND_TRIP_MS = 50;

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  relay = await RunningRelay.start({ routes: [["f1", "f2"]] });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
});
afterAll(() => relay.finish());

const identity = ({ cert, key, ca }: FunctionFiles) => ({ cert, key, ca });

/** f2, with one connection parked at the relay; its way there takes no time. */
async function parkedPeer(): Promise<RelayServer> {
  const at = { host: "localhost", port: relay.port };
  const server = createServer({ relay: at, peer: "f1", identity: identity(f2), backlog: 1 }, (socket) =>
    socket.on("error", () => {}).resume(),
  );
  await once(server, "waiting");
  return server;
}

interface Took {
  readonly roundTrips: number;
  readonly ms: number;
}

async function meet(role?: "client"): Promise<Took> {
  const server = await parkedPeer();
  const proxy = await DelayingProxy.before(relay.port, ROUND_TRIP_MS);
  try {
    const begin = performance.now();
    const wish = { relay: { host: "localhost", port: proxy.port }, peer: "f2", identity: identity(f1) };
    const { socket } = await connect({ ...wish, ...(role && { role }) });
    const took = { roundTrips: proxy.roundTrips, ms: performance.now() - begin };
    // It ends in the flight in which its handshake does: f2 hears of both at once, and is to hear of both.
    socket.resume().end();
    await once(socket, "close");
    return took;
  } finally {
    await proxy.close();
    server.destroy();
    await server.closed;
  }
}

describe("connect, with its peer parked at the relay", () => {
  it.each([
    ["client", 3],
    [undefined, 4],
  ] as const)("as %s has verified it after %i round trips, TCP and outer TLS included", async (role, expected) => {
    await meet(role); // what is loaded when it is first needed is here now
    const took = await meet(role);
    process.stderr.write(
      `connect, role ${role}: ${took.roundTrips} round trips of ${ROUND_TRIP_MS} ms, ${Math.round(took.ms)} ms in all\n`,
    );
    expect(took.roundTrips).toBe(expected);
    expect(took.ms).toBeGreaterThanOrEqual(expected * ROUND_TRIP_MS - 1); // the way has taken its time
  });
});
