/**
 * The relay's judgement of requests, held against the model that was written from PROTOCOL.md alone. The long form is
 * FUZZ_REQUESTS=1000000; FUZZ_SEED repeats a run.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createAuthority, createSelfSigned } from "@serverless-relay/pki";
import {
  CORPUS,
  judge,
  type Caller as ModelCaller,
  type Route as ModelRoute,
  type Rules,
  requests,
  type Verdict,
} from "@serverless-relay/protocol-model";
import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { callerWith, Judgement, type TestCaller } from "./judgement.test-support.ts";
import { type Route, RouteTable } from "./pairing/routes.ts";
import { LIMITS } from "./relay.test-support.ts";
import type { Entrance } from "./relay-options.ts";

const COUNT = Number(process.env.FUZZ_REQUESTS ?? 10_000);
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
/** Requests of one run of fast-check. */
const ROUND = 5_000;
/** Bytes of the heap, after a collection, over all rounds but the first. */
const MAY_GROW = 8 * 2 ** 20;

const SPIFFE = "spiffe://example.org/f2";
const ESCAPED = "https://example.org/a%20b";
const NAMES = ["f2", "f2", "f2", "f1", "f3", "f4", "f5", "f6", "nobody", SPIFFE, ESCAPED];
/** A key that nobody here has. */
const OTHER_KEY = `sha256:${"0".repeat(64)}`;

interface Caller {
  readonly real: TestCaller;
  readonly model: ModelCaller;
}

/** A listener. */
interface Place {
  readonly real: Entrance;
  readonly model: Rules;
}

const callers: Caller[] = [];
const places: Place[] = [];
let judgement: Judgement;

beforeAll(async () => {
  const authority = await createAuthority({ commonName: "test" });
  for (const names of [["f1"], ["f1", "f3"], ["f3"], ["f5"], [SPIFFE]]) {
    const { certPem } = await authority.issueFunction({ names });
    callers.push({ real: callerWith(certPem, null), model: { certificate: "verified", names, key: "" } });
  }
  const own = callerWith((await createSelfSigned("f6")).certPem, "certificate_unknown_issuer");
  const { key } = own.identity;
  callers.push({ real: own, model: { certificate: "certificate_unknown_issuer", names: ["f6"], key } });
  const shared: Route = { f1: "f1", f2: "f2" };
  const routes: readonly Route[] = [
    shared,
    { f1: "f2", f2: "f3" },
    { f1: "f3", f2: "f4" },
    { f1: "f5", f2: "f5" },
    { f1: "f1", f2: SPIFFE },
    { f1: ESCAPED, f2: "f1" },
    { f1: "f1", f2: "f4", options: { pins: { f1: [OTHER_KEY] } } },
    { f1: "f6", f2: "f2", options: { pins: { f1: [OTHER_KEY, key], f2: [OTHER_KEY] } } },
    { f1: "f6", f2: "f4", options: { pins: { f1: [OTHER_KEY] } } },
    { f1: "f1", f2: "f6" },
  ];
  const table = new RouteTable();
  for (const route of routes) table.set(route);
  judgement = new Judgement(table);
  const rules = { routes: routes.map(asModel), headSize: LIMITS.headSize };
  places.push(
    { real: { protocol: "connect" }, model: rules },
    { real: { protocol: "connect", route: shared }, model: { ...rules, listenersRoute: asModel(shared) } },
  );
});

function asModel({ f1, f2, options }: Route): ModelRoute {
  const pins = Object.entries({ [f1]: options?.pins?.f1, [f2]: options?.pins?.f2 });
  return {
    between: [f1, f2],
    pins: Object.fromEntries(pins.flatMap(([end, keys = null]) => (keys ? [[end, keys]] : []))),
  };
}

/** Fails unless what the relay says is one of those that the model allows. */
async function compare(caller: Caller, pieces: readonly Buffer[], place: Place): Promise<Verdict> {
  const said = await judgement.judge(caller.real, pieces, place.real);
  const allowed = judge(caller.model, Buffer.concat(pieces), place.model);
  if (!allowed.some((verdict) => isSame(verdict, said))) {
    expect({ sent: Buffer.concat(pieces).toString("latin1"), said }).toEqual({ said: allowed });
  }
  return said;
}

function isSame(one: Verdict, other: Verdict): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length];
  if (item === undefined) throw new RangeError("nothing to choose from");
  return item;
}

/** In one piece, or cut at two places. */
const CUTS = fc.option(fc.tuple(fc.nat(400), fc.nat(400)), { freq: 2, nil: [0, 0] as [number, number] });

function cut(sent: Buffer, cuts: readonly [number, number]): Buffer[] {
  const [first, second] = [Math.min(...cuts), Math.max(...cuts)];
  const pieces = [sent.subarray(0, first), sent.subarray(first, second), sent.subarray(second)];
  return pieces.filter(({ length }) => length > 0);
}

function heapAfterCollection(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}

it.each(CORPUS)("%s", async (_what, sent) => {
  for (const caller of callers) {
    for (const place of places) {
      await compare(caller, cut(sent, [0, 0]), place);
      await compare(caller, cut(sent, [7, 30]), place);
    }
  }
});

it(`${COUNT} requests: each verdict is one that PROTOCOL.md allows, and nothing is left of it`, {
  timeout: 0,
}, async () => {
  Error.stackTraceLimit = 0; // most requests are refused, and nobody looks where
  const verdicts = new Map<string, number>();
  let before = 0;
  const property = fc.asyncProperty(requests(NAMES), fc.nat(), fc.nat(3), CUTS, async (sent, who, where, cuts) => {
    const said = await compare(at(callers, who), cut(sent, cuts), at(places, where === 0 ? 1 : 0));
    const word = typeof said === "string" ? said : "admitted";
    verdicts.set(word, (verdicts.get(word) ?? 0) + 1);
  });
  for (let round = 0; round * ROUND < COUNT; round++) {
    await fc.assert(property, { seed: SEED + round, numRuns: Math.min(ROUND, COUNT - round * ROUND) });
    if (round === 0) before = heapAfterCollection();
  }
  const grown = heapAfterCollection() - before;
  const found = JSON.stringify(Object.fromEntries(verdicts));
  process.stderr.write(`FUZZ_SEED=${SEED}: ${found}; heap ${grown} more, rss ${process.memoryUsage().rss}\n`);
  expect(grown).toBeLessThan(MAY_GROW);
  // A generator that never got through, or never failed, would show nothing.
  for (const word of ["admitted", "request_malformed", "target_invalid", "field_invalid", "no_route"]) {
    expect(verdicts.get(word), word).toBeGreaterThan(COUNT / 100);
  }
});
