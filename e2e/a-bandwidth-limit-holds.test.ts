import { readFileSync } from "node:fs";
import type { Duplex } from "node:stream";
import { type FunctionFiles, meet, RunningRelay } from "@serverless-relay/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const MIB = 1 << 20;
const RATE = 10 * MIB;
const WINDOW_MS = 10_000;

/** A firehose from one end of a session to the other; how many bytes have come. */
interface Stream {
  readonly ends: readonly Duplex[];
  received: number;
}

/** How far a rate was over a window, in bytes per second. */
async function rateOver(ms: number, streams: readonly Stream[]): Promise<number> {
  const sum = () => streams.reduce((total, { received }) => total + received, 0);
  await expect.poll(sum, { timeout: 20_000 }).toBeGreaterThan(3 * MIB); // the burst is over
  const [before, began] = [sum(), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, ms));
  return ((sum() - before) / (performance.now() - began)) * 1000;
}

/** Seconds of CPU that a process has used so far, with all its threads. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100; // utime and stime, in ticks
}

describe.each([
  ["auto", 0.15],
  ["stream", 0.3],
] as const)("with splice: %s", (splice, cores) => {
  let relay: RunningRelay;
  const streams: Stream[] = [];

  async function open(one: FunctionFiles, other: FunctionFiles): Promise<Stream> {
    const { ends } = await meet(relay, one, other);
    const [from, to] = [ends[0].stream, ends[1].stream];
    const stream: Stream = { ends: [from, to], received: 0 };
    for (const end of stream.ends) end.on("error", () => {});
    to.on("data", (chunk: Buffer) => {
      stream.received += chunk.length;
    });
    to.resume();
    const chunk = Buffer.alloc(64 * 1024);
    const pour = () => {
      while (from.write(chunk));
    };
    from.on("drain", pour);
    pour();
    streams.push(stream);
    return stream;
  }

  beforeEach(async () => {
    relay = await RunningRelay.start({
      yaml: `splice: ${splice}\nlimits: { bandwidthPerRoute: 1GiB/s, bandwidthPerFunction: 10MiB/s }`,
    });
  });

  afterEach(async () => {
    for (const { ends } of streams.splice(0)) for (const end of ends) end.destroy();
    await relay.finish();
  });

  it("one session of a limited route, and 50 of a limited function, each have 10 MiB/s within 5 %", async () => {
    await relay.control.addRoute({ f1: "a1", f2: "a2", bandwidth: RATE });
    const [a1, a2] = [await relay.issue("a1"), await relay.issue("a2")];
    const b0 = await relay.issue("b0");
    const peers = await Promise.all(Array.from({ length: 5 }, (_, index) => relay.issue(`b${index + 1}`)));
    for (const { name } of peers) await relay.control.addRoute({ f1: "b0", f2: name });

    const single = await open(a1, a2);
    const fifty: Stream[] = [];
    for (let round = 0; round < 10; round++) for (const peer of peers) fifty.push(await open(peer, b0));

    const used = cpuSeconds(relay.process.pid);
    const [ofOne, ofFifty] = await Promise.all([rateOver(WINDOW_MS, [single]), rateOver(WINDOW_MS, fifty)]);
    expect(cpuSeconds(relay.process.pid) - used).toBeLessThan((cores * WINDOW_MS) / 1000);
    expect(Math.abs(ofOne / RATE - 1)).toBeLessThan(0.05);
    expect(Math.abs(ofFifty / RATE - 1)).toBeLessThan(0.05);

    const shares = fifty.map(({ received }) => received).toSorted((a, b) => a - b);
    expect(shares[0]).toBeGreaterThan((shares[25] ?? 0) / 2); // nobody starves
  });
});
