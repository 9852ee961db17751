/**
 * Request heads by the real relayd, over TLS: each verdict is one that the model of PROTOCOL.md allows, and the same in the
 * answer and in the log. The long form is FUZZ_CONNECTIONS=5000, FUZZ_SEED repeats a run; a million without the TLS around
 * them are in packages/relay-core/src/judgement.test.ts.
 */
import { CORPUS, judge, requests, type Verdict } from "@serverless-relay/protocol-model";
import { type FunctionFiles, RunningRelay } from "@serverless-relay/testkit";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Asking } from "./asking.ts";

const COUNT = Number(process.env.FUZZ_CONNECTIONS ?? 300);
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const AT_ONCE = 16;

const SPIFFE = "spiffe://example.org/f2";
const ESCAPED = "https://example.org/a%20b";
const NAMES = ["f2", "f2", "f2", "f1", "f3", "f4", "f5", "nobody", SPIFFE, ESCAPED];
const ROUTES: readonly (readonly [string, string])[] = [
  ["f1", "f2"],
  ["f2", "f3"],
  ["f3", "f4"],
  ["f5", "f5"],
  ["f1", SPIFFE],
  [ESCAPED, "f1"],
];
const RULES = { routes: ROUTES.map((between) => ({ between })), headSize: 16_384 };

interface Caller {
  readonly names: readonly string[];
  readonly files: FunctionFiles;
}

let relay: RunningRelay;
const callers: Caller[] = [];
let asking: Asking;

beforeAll(async () => {
  relay = await RunningRelay.start({
    routes: ROUTES,
    yaml: `metrics: { listen: "127.0.0.1:0" }
limits: { arrivalsPerAddress: 100000, arrivalsPerFunction: 100000 }`,
  });
  asking = new Asking(relay);
  for (const names of [["f1"], ["f1", "f3"], ["f3"], ["f5"], [SPIFFE]]) {
    callers.push({ names, files: await relay.issue(...names) });
  }
});

afterAll(() => relay.finish());

/** What the model allows, as far as it shows here; step 17, too: nothing may stand between request and close_notify. */
function allowed(caller: Caller, sent: Buffer): Verdict[] {
  const verdicts = judge({ certificate: "verified", names: caller.names, key: "" }, sent, RULES);
  const text = sent.toString("latin1").replace(/^[\r\n]*/, "");
  const behind = text.length - (text.indexOf("\r\n\r\n") + 4);
  return verdicts.map((verdict) => {
    if (typeof verdict === "string") return verdict;
    return verdict.transport === "raw" && behind > 0 ? "detach_violated" : { ...verdict, role: "either", wait: null };
  });
}

async function compare(caller: Caller, sent: Buffer): Promise<void> {
  const said = await asking.ask(caller.files, sent);
  const allowedOnes = allowed(caller, sent);
  expect(
    allowedOnes.map((verdict) => JSON.stringify(verdict)),
    `${JSON.stringify(sent.toString("latin1"))} from ${caller.names.join()}`,
  ).toContain(JSON.stringify(said));
}

/** As many at once as there are places: a head that is not whole holds up nobody else. */
async function compareAll(items: readonly (readonly [Caller, Buffer])[]): Promise<void> {
  const left = items.values();
  const compareSome = async () => {
    for (const item of left) await compare(...item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, compareSome));
}

it("the corpus", async () => {
  const [f1] = callers;
  if (f1 === undefined) throw new Error("nobody to ask");
  await compareAll(CORPUS.map(([, sent]) => [f1, sent] as const));
});

it(`${COUNT} generated ones`, { timeout: 60_000 + COUNT * 200 }, async () => {
  process.stderr.write(`FUZZ_SEED=${SEED}\n`);
  const samples = fc.sample(fc.tuple(fc.constantFrom(...callers), requests(NAMES)), { seed: SEED, numRuns: COUNT });
  await compareAll(samples);
});

it("what they were called has written nothing of its own into log and metrics", async () => {
  const obeyed = (line: string) => Buffer.from(line).some((byte) => byte < 0x20 || byte === 0x7f); // by a terminal
  expect(relay.process.lines.filter(obeyed)).toEqual([]);
  const { port } = relay.log().find((event) => (event as { listener?: string }).listener === "metrics") as unknown as {
    port: number;
  };
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { connection: "close" } })).text();
  const lines = metrics.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  expect(lines.filter((line) => !/^[a-z_]+(\{([a-z_]+="[A-Za-z0-9_.+-]*",?)*\})? [0-9.e+-]+$/.test(line))).toEqual([]);
});
