/** A bucket that is read from a NATS server which lags behind: no real one does so when it is told to. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type KvRoute, KvRoutes, type RouteChange } from "./kv-routes.ts";

interface Entry {
  readonly key: string;
  readonly revision: number;
  readonly operation: "PUT" | "DEL";
  readonly value: Buffer;
}

const bucket = vi.hoisted(() => ({ entries: new Map<string, Entry>(), revision: 0, lags: 0 }));

function write(key: string, operation: Entry["operation"], text = ""): number {
  const revision = ++bucket.revision;
  bucket.entries.delete(key);
  bucket.entries.set(key, { key, revision, operation, value: Buffer.from(text) });
  return revision;
}

vi.mock("@nats-io/kv", () => ({
  KvWatchInclude: { UpdatesOnly: "updates", LastValue: "all" },
  Kvm: class {
    async create() {
      return {
        put: async (key: string, text: string) => write(key, "PUT", text),
        status: async () => ({ values: bucket.entries.size }),
        watch: async ({ include }: { include: string }) => (include === "updates" ? silence() : reading()),
      };
    }
  },
}));

function silence() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { stop: resolve, [Symbol.asyncIterator]: () => ({ next: () => promise.then(() => ({ done: true })) }) };
}

/** All but the last `bucket.lags` entries. */
function reading() {
  const all = [...bucket.entries.values()].slice(0, bucket.entries.size - bucket.lags);
  const entries = all.map((entry, index) => ({ ...entry, delta: all.length - 1 - index }));
  return { stop: () => {}, [Symbol.asyncIterator]: () => entries.values() };
}

const LONGEST_MS = 30_000;

let routes: KvRoutes;
let told: RouteChange[];

const route = (f1: string, f2: string): KvRoute => ({ f1, f2, createdAt: "2026-01-01T00:00:00Z" });
const names = () => routes.all().map(({ f1, f2 }) => `${f1}-${f2}`);

beforeEach(async () => {
  vi.useFakeTimers();
  Object.assign(bucket, { revision: 0, lags: 0 });
  bucket.entries.clear();
  routes = await KvRoutes.open({} as never, {
    bucket: "routes",
    replicas: 3,
    isThere: () => true,
    report: (error) => expect.fail(error.message),
  });
  told = [];
  routes.onChange((change) => told.push(change));
  for (const [f1, f2] of [
    ["a", "b"],
    ["c", "d"],
    ["e", "f"],
  ] as const)
    await routes.put(route(f1, f2));
});

afterEach(async () => {
  await routes.close();
  vi.useRealTimers();
});

it("a reading that lacks the latest changes takes no route away", async () => {
  bucket.lags = 1;
  await vi.advanceTimersByTimeAsync(LONGEST_MS);
  bucket.lags = 2;
  await vi.advanceTimersByTimeAsync(LONGEST_MS);
  expect(names()).toEqual(["a-b", "c-d", "e-f"]);
  expect(told).toEqual([]);
});

it("a deletion that the watch has missed is found by its mark", async () => {
  const [first] = bucket.entries.keys();
  write(first ?? "", "DEL");
  await vi.advanceTimersByTimeAsync(LONGEST_MS);
  expect(names()).toEqual(["c-d", "e-f"]);
  expect(told).toEqual([{ kind: "delete", f1: "a", f2: "b" }]);
});

it("a route whose entry was purged is gone, and there again if it is restored", async () => {
  const [first] = bucket.entries;
  if (first === undefined) throw new Error("the bucket is empty");
  bucket.entries.delete(first[0]);
  await vi.advanceTimersByTimeAsync(LONGEST_MS);
  expect(names()).toEqual(["c-d", "e-f"]);
  bucket.entries = new Map([first, ...bucket.entries]);
  await vi.advanceTimersByTimeAsync(LONGEST_MS);
  expect(names()).toEqual(["a-b", "c-d", "e-f"]);
  expect(told.map(({ kind }) => kind)).toEqual(["delete", "put"]);
});

it("a bucket that holds nothing any more has no routes", async () => {
  bucket.entries.clear();
  await vi.advanceTimersByTimeAsync(LONGEST_MS);
  expect(names()).toEqual([]);
});
