/**
 * A thousand functions that start at once behind one NAT meet the limits of one address and of one function: most are turned
 * away at first. Those that come again as the SDK does all get in, in about the time that the limits allow. Here on a smaller
 * scale: the limits are a tenth of the defaults, and the fleet is a little less.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { againAfter, connect, createServer } from "@serverless-relay/client";
import { type FunctionFiles, RunningRelay } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

const FLEET = Number(process.env.FLEET ?? 60);
/** a second; 500 is the default */
const ARRIVALS = 50;

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  relay = await RunningRelay.start({
    routes: [["f1", "f2"]],
    yaml: `limits: { arrivalsPerAddress: ${ARRIVALS}, handshakesPerAddress: 26, arrivalsPerFunction: ${ARRIVALS / 2.5} }`,
  });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
});
afterAll(() => relay.finish());

it(`${FLEET} functions that start at once all meet their peer, though many are turned away at first`, async () => {
  const at = (self: FunctionFiles, peer: string) => {
    const { cert, key, ca } = self;
    return { relay: { host: "localhost", port: relay.port }, peer, identity: { cert, key, ca } };
  };
  const server = createServer({ ...at(f2, "f1"), backlog: 10 }, (socket) => socket.on("error", () => {}).pipe(socket));
  let turnedAway = 0;
  const meetOnce = async (): Promise<void> => {
    for (let failures = 1; ; failures++) {
      try {
        const { socket } = await connect(at(f1, "f2"));
        socket.on("error", () => {}).destroy();
        return;
      } catch (error) {
        turnedAway++;
        const wait = againAfter(error, failures);
        if (wait === null) throw error;
        await sleep(wait);
      }
    }
  };
  await Promise.all(Array.from({ length: FLEET }, meetOnce));
  // Which limit they met first is a matter of how fast the machine is.
  const { too_many_arrivals = 0, too_many_handshakes = 0, quota_exceeded = 0 } = (await relay.status()).refused;
  expect(too_many_arrivals + too_many_handshakes + quota_exceeded).toBeGreaterThan(0);
  expect(turnedAway).toBeGreaterThan(0);
  server.destroy();
  await server.closed;
}, 60_000);
