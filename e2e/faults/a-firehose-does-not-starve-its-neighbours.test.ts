import { once } from "node:events";
import type { Socket } from "node:net";
import { Running, until } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type PlainRelay, startPlainRelay } from "./plain-sessions.ts";

const NEIGHBOURS = 100;
const ROUNDS = 30;
const P99_MS = 20;

let plain: PlainRelay;
const sockets: Socket[] = [];

beforeAll(async () => {
  plain = await startPlainRelay("21110-21119", { yaml: "splice: kernel" });
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await plain.relay.stop();
});

async function pair(): Promise<[Socket, Socket]> {
  const ends = await plain.pair();
  sockets.push(...ends);
  return ends;
}

it(`${NEIGHBOURS} ping-pongs beside a firehose have a p99 below ${P99_MS} ms`, async () => {
  // Its ends are processes of their own, or they would starve this one.
  const { sessions } = await plain.relay.status();
  const source = Running.startCommand("bash", ["-c", `exec cat /dev/zero >/dev/tcp/127.0.0.1/${plain.port}`]);
  const sink = Running.startCommand("bash", ["-c", `exec cat </dev/tcp/127.0.0.1/${plain.port} >/dev/null`]);
  await until("the firehose runs", async () => (await plain.relay.status()).sessions.total > sessions.total);
  const neighbours = await Promise.all(Array.from({ length: NEIGHBOURS }, pair));
  const before = (await plain.relay.status()).bytes;
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const [near, far] of neighbours) {
      const began = performance.now();
      near.write("?");
      await once(far, "data");
      far.write("!");
      await once(near, "data");
      times.push(performance.now() - began);
    }
  }
  const flowed = (await plain.relay.status()).bytes - before;
  await Promise.all([source.stop(), sink.stop()]);
  expect(flowed).toBeGreaterThan(128 << 20);
  const sorted = times.toSorted((a, b) => a - b);
  expect(sorted[Math.floor(sorted.length * 0.99)]).toBeLessThan(P99_MS);
}, 60_000);
