import { readFileSync } from "node:fs";
import type { Duplex } from "node:stream";
import { type FunctionFiles, meet, RunningRelay } from "@serverless-relay/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const MIB = 1 << 20;
const RATE = 10 * MIB;
const WINDOW_MS = 10_000;
/** A machine that stalls makes any window late; a limit that is wrong is wrong in all of them. */
const WINDOWS = 3;
/** A thread that waits busily has a core to itself. */
const CORES = 0.6;

/** A firehose from one end of a session to the other; how many bytes have come. */
interface Stream {
  readonly ends: readonly Duplex[];
  received: number;
}

/** What was measured over ten seconds: bytes per second of the one session and of the fifty, and what the relay used of a core. */
interface Window {
  readonly rates: readonly number[];
  readonly cores: number;
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

function isWithin5Percent(rate: number): boolean {
  return Math.abs(rate / RATE - 1) < 0.05;
}

describe.each(["auto", "stream"] as const)("with splice: %s", (splice) => {
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

    const windows: Window[] = [];
    const counted = fifty.map(({ received }) => received);
    do {
      const used = cpuSeconds(relay.process.pid);
      const rates = await Promise.all([rateOver(WINDOW_MS, [single]), rateOver(WINDOW_MS, fifty)]);
      windows.push({ rates, cores: (cpuSeconds(relay.process.pid) - used) / (WINDOW_MS / 1000) });
    } while (windows.length < WINDOWS && windows.at(-1)?.rates.every(isWithin5Percent) !== true);
    expect(windows.at(-1)?.rates, JSON.stringify(windows)).toSatisfy((rates: number[]) =>
      rates.every(isWithin5Percent),
    );
    for (const { rates, cores } of windows) {
      expect(Math.max(...rates), "never more than is allowed").toBeLessThan(RATE * 1.05);
      expect(cores).toBeLessThan(CORES);
    }

    const shares = fifty.map(({ received }, index) => received - (counted[index] ?? 0)).toSorted((a, b) => a - b);
    expect(shares[0]).toBeGreaterThan((shares[25] ?? 0) / 2); // nobody starves
  });
});
