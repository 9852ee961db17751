/**
 * What many routes cost: relayd with 100 and with 100,000 of them in its store, in turn, in one run. Start-up, adding one
 * (durable), listing all, how late relayd's loop is meanwhile, memory; and the CPU of admitting a function to one of them.
 */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { openLmdbRouteStore } from "@serverless-relay/relayd/route-store";
import { type FunctionFiles, meet, RunningRelay } from "@serverless-relay/testkit";

const SIZES = [100, 100_000] as const;
const ROUNDS = 3;
const ADDED = 60;
const PAIRS = 100;
const CLOCK_TICKS = 100; // _SC_CLK_TCK: so in every Linux that Node runs on

interface Figures {
  readonly startMs: number;
  readonly addMs: number;
  readonly listMs: number;
  readonly listMiB: number;
  readonly lateWhileListingMs: number;
  readonly residentMiB: number;
  readonly pairCpuMs: number;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function prepare(size: number): Promise<RunningRelay> {
  const relay = await RunningRelay.prepare();
  const store = await openLmdbRouteStore(join(relay.directory, "state"));
  const createdAt = new Date().toISOString();
  const names = Array.from({ length: size - 1 }, (_, n) => [`client-${n}`, `server-${n}`] as const);
  await Promise.all([...names, ["f1", "f2"] as const].map(([f1, f2]) => store.put({ f1, f2, createdAt })));
  await store.close();
  return relay;
}

async function timed<T>(work: () => Promise<T>): Promise<[number, T]> {
  const startedAt = performance.now();
  const result = await work();
  return [performance.now() - startedAt, result];
}

/** User and system time of all threads of the process so far, in milliseconds. */
async function cpuMs(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / CLOCK_TICKS;
}

async function residentMiB(pid: number): Promise<number> {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) / 1024;
}

async function listBytes(relay: RunningRelay): Promise<number> {
  const request = get({ socketPath: relay.socket, path: "/v1/routes", agent: false });
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  let bytes = 0;
  for await (const part of answer as AsyncIterable<Buffer>) bytes += part.length;
  return bytes;
}

/** The longest that another request waits for its answer while the list is made. */
async function whileListing(relay: RunningRelay): Promise<{ ms: number; bytes: number; lateMs: number }> {
  const waits: number[] = [];
  let listed = false;
  const listing = timed(() => listBytes(relay)).finally(() => {
    listed = true;
  });
  do waits.push((await timed(() => relay.control.logState()))[0]);
  while (!listed);
  const [ms, bytes] = await listing;
  return { ms, bytes, lateMs: Math.max(...waits) };
}

async function pairs(relay: RunningRelay, f1: FunctionFiles, f2: FunctionFiles): Promise<number> {
  const before = await cpuMs(relay.process.pid);
  for (let pair = 0; pair < PAIRS; pair++) {
    const { ends } = await meet(relay, f1, f2);
    for (const end of ends) end.destroy();
  }
  return ((await cpuMs(relay.process.pid)) - before) / PAIRS;
}

async function measure(size: number): Promise<Figures> {
  const relay = await prepare(size);
  try {
    const [startMs] = await timed(() => relay.boot());
    const resident = await residentMiB(relay.process.pid);
    const adds: number[] = [];
    for (let n = 0; n < ADDED; n++) {
      adds.push((await timed(() => relay.control.addRoute({ f1: `new-${n}`, f2: "server" })))[0]);
    }
    const list = await whileListing(relay);
    const [f1, f2] = [await relay.issue("f1"), await relay.issue("f2")];
    await pairs(relay, f1, f2); // warm
    const pairCpuMs = await pairs(relay, f1, f2);
    return {
      startMs,
      addMs: median(adds),
      listMs: list.ms,
      listMiB: list.bytes / 1024 / 1024,
      lateWhileListingMs: list.lateMs,
      residentMiB: resident,
      pairCpuMs,
    };
  } finally {
    await relay.stop();
  }
}

const rounds: Figures[][] = [];
for (let round = 0; round < ROUNDS; round++) {
  const figures: Figures[] = [];
  for (const size of SIZES) figures.push(await measure(size));
  rounds.push(figures);
}
const keys = Object.keys(rounds[0]?.[0] ?? {}) as (keyof Figures)[];
console.log(`medians of ${ROUNDS} rounds`.padEnd(24), ...SIZES.map((size) => `${size}`.padStart(10)), "     ratio");
for (const key of keys) {
  const [few = Number.NaN, many = Number.NaN] = SIZES.map((_, index) =>
    median(rounds.map((figures) => figures[index]?.[key] ?? Number.NaN)),
  );
  const cells = [few, many, many / few].map((value) => value.toFixed(2).padStart(10));
  console.log(key.padEnd(24), ...cells);
}
