import type { Socket } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cpuSeconds, descriptors, type PlainRelay, startPlainRelay } from "./plain-sessions.ts";

const SESSIONS = 1_000;

let plain: PlainRelay;
const sockets: Socket[] = [];

beforeAll(async () => {
  plain = await startPlainRelay("21120-21129", {
    yaml: "splice: kernel\nlimits: { handshakesPerAddress: 4000, arrivalsPerAddress: 100000, arrivalsPerFunction: 100000 }",
  });
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await plain.relay.stop();
});

it(`with ${SESSIONS} idle sessions`, async () => {
  sockets.push(...(await plain.crowd(SESSIONS)));
  const { pid } = plain.relay.process;
  expect(descriptors(pid).pipes).toBeLessThan(100); // an idle session holds none
  await expect
    .poll(
      async () => {
        const before = cpuSeconds(pid);
        await new Promise((resolve) => setTimeout(resolve, 1_000)); // the measurement itself
        return cpuSeconds(pid) - before;
      },
      { timeout: 10_000 },
    )
    .toBeLessThanOrEqual(0.01); // one tick of the clock
}, 60_000);
