import { createHash } from "node:crypto";
import { finished } from "node:stream/promises";
import { digest, type End, type FunctionFiles, meet, RunningRelay } from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const KIB = 1024;
const MIB = 1024 * KIB;
/** The quick form has the edges: nothing, a byte, around a record's and a pipe's size. The long one is HALF_CLOSE=all. */
const ALL = process.env.HALF_CLOSE === "all";
const SIZES = ALL
  ? [0, 1, 4095, 16 * KIB, 16 * KIB + 1, 64 * KIB, 64 * KIB + 1, MIB, MIB + 1, 8 * MIB + 3, 64 * MIB]
  : [0, 1, 16 * KIB + 1, MIB + 1];
/** ms between what is sent and the end; before the other end answers; before a reader begins to read. */
const DELAYS = ALL ? [0, 1, 20, 300] : [0, 20];
const MIXES = [
  ["raw", "raw"],
  ["tls", "raw"],
  ["raw", "tls"],
  ["tls", "tls"],
] as const;

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  relay = await RunningRelay.start({ routes: [["f1", "f2"]] });
  [f1, f2] = [await relay.issue("f1"), await relay.issue("f2")];
});

afterAll(() => relay.finish());

interface Exchange {
  readonly size: number;
  /** before the end of its direction */
  readonly endDelay: number;
  /** before the other end begins to read */
  readonly readDelay: number;
}

const EXCHANGES: readonly Exchange[] = SIZES.flatMap((size) =>
  DELAYS.flatMap((endDelay) => DELAYS.map((readDelay) => ({ size, endDelay, readDelay }))),
);

/** Sends `bytes`, ends its direction later, and is not asked to stop sending meanwhile. */
async function say({ stream }: End, bytes: Buffer, endDelay: number): Promise<void> {
  stream.write(bytes);
  await after(endDelay);
  stream.end();
}

/** What comes until the end; nothing is read before its time. */
async function hear({ stream }: End, readDelay: number): Promise<string> {
  const hash = createHash("sha256");
  stream.pause();
  await after(readDelay);
  stream.on("data", (chunk: Buffer) => hash.update(chunk)).resume();
  await finished(stream, { writable: false });
  return hash.digest("hex");
}

/** The delay itself is what is tried. */
async function after(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}

/** The same in every run, and different for each size and end. */
function bytesOf(size: number, end: number): Buffer {
  const seed = createHash("sha256").update(`${size} ${end}`).digest();
  return Buffer.alloc(size, seed);
}

describe.each(MIXES)("between %s and %s", (transport1, transport2) => {
  it.each(SIZES)(
    "%i bytes, then the end; then as many back, and the end",
    async (size) => {
      for (const { endDelay, readDelay } of EXCHANGES.filter((exchange) => exchange.size === size)) {
        const { ends, session } = await meet(relay, f1, f2, [{ transport: transport1 }, { transport: transport2 }]);
        for (const [from, to] of [[0, 1] as const, [1, 0] as const]) {
          const bytes = bytesOf(size, from);
          const heard = hear(ends[to], readDelay);
          await say(ends[from], bytes, endDelay);
          expect(await heard).toBe(digest(bytes));
        }
        const ended = await relay.logged("ended", { session });
        expect(ended).toMatchObject({ reason: "completed", by: null, bytes: [size, size] });
        for (const end of ends) end.destroy();
      }
    },
    ALL ? 1_200_000 : 60_000,
  );
});
