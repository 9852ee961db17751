/**
 * The long form is ROUTES=100000 PARKED=5000: there relayd's loop must not be late by a tenth of a second either. In CI, with
 * fewer, that would show nothing; that it is all done in slices is what rendezvous.test.ts and list-stream.test.ts hold.
 */
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { openLmdbRouteStore } from "@serverless-relay/relayd/route-store";
import { ask, type End, type FunctionFiles, meet, RunningRelay, until } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

const ROUTES = Number(process.env.ROUTES ?? 5_000);
const PARKED = Number(process.env.PARKED ?? 200);
/** Thousands of handshakes, on whatever machine. */
const PARKING_MS = 120_000;
const LONG = process.env.ROUTES !== undefined;
const AT_ONCE = 25;
const LIMITS = `limits: { connections: ${2 * PARKED + 1_000}, parkedPerFunction: ${PARKED}, parkedPerRoute: ${PARKED},
  connectionsPerFunction: ${PARKED}, arrivalsPerAddress: 10000, arrivalsPerFunction: 10000 }`;

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;
let metrics: string;

beforeAll(async () => {
  // Its loop shall be late for what it does itself, and not for want of a core.
  const under = ["nice", "-n", "-19"];
  relay = await RunningRelay.prepare({ yaml: `metrics: { listen: "127.0.0.1:0" }\n${LIMITS}`, under });
  const store = await openLmdbRouteStore(join(relay.directory, "state"));
  const createdAt = new Date().toISOString();
  const puts = Array.from({ length: ROUTES - 1 }, (_, n) => store.put({ f1: `c${n}`, f2: `s${n}`, createdAt }));
  await Promise.all([...puts, store.put({ f1: "f1", f2: "f2", createdAt })]);
  await store.close();
  await relay.boot();
  [f1, f2] = [await relay.issue("f1"), await relay.issue("f2")];
  const line = await relay.process.line(/"listener":"metrics"/);
  metrics = `http://127.0.0.1:${(JSON.parse(line) as { port: number }).port}/metrics`;
}, 300_000);

afterAll(() => relay.finish());

/** How often relayd's main thread has been late by more than a tenth of a second. */
async function late(): Promise<number> {
  const text = await (await fetch(metrics, { headers: { connection: "close" } })).text();
  const value = (series: string) =>
    Number(
      text
        .split("\n")
        .find((line) => line.startsWith(series))
        ?.split(" ")[1],
    );
  return value("relayd_loop_delay_seconds_count") - value('relayd_loop_delay_seconds_bucket{le="0.1"}');
}

function list(): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get({ socketPath: relay.socket, path: "/v1/routes", agent: false }, resolve).once("error", reject);
  });
}

const pairsOf = (routes: readonly { f1: string; f2: string }[]) => new Set(routes.map(({ f1, f2 }) => `${f1} ${f2}`));

it("relayctl lists each of them once", async () => {
  const before = await late();
  expect((await relay.status()).routes).toEqual({ static: 0, dynamic: ROUTES });
  const { routes } = JSON.parse((await relay.relayctl("route", "list", "--json")).stdout);
  expect(routes).toHaveLength(ROUTES);
  expect(pairsOf(routes).size).toBe(ROUTES);
  const table = (await relay.relayctl("route", "list")).stdout.trimEnd().split("\n");
  expect(table).toHaveLength(ROUTES + 1);
  if (LONG) expect(await late()).toBe(before);
});

it("a list is made as it is read: what is deleted while its reader pauses is not in it, and others are answered", async () => {
  const [last] = (await relay.control.listRoutes()).slice(-1);
  if (last === undefined) throw new Error("there are routes");
  const answer = await list();
  answer.pause();
  await relay.control.deleteRoute(last.f1, last.f2);
  answer.setEncoding("utf8");
  let text = "";
  for await (const part of answer as AsyncIterable<string>) text += part;
  const { routes } = JSON.parse(text) as { routes: { f1: string; f2: string }[] };
  expect(routes).toHaveLength(ROUTES - 1);
  expect(pairsOf(routes).has(`${last.f1} ${last.f2}`)).toBe(false);
  expect(await relay.control.addRoute({ f1: last.f1, f2: last.f2 })).toMatchObject({ created: true });
});

it("a reader that goes away in the middle leaves nothing behind", async () => {
  const openFiles = async () => (await readdir(`/proc/${relay.process.pid}/fd`)).length;
  const before = await openFiles();
  const answer = await list();
  await once(answer, "readable");
  expect(await openFiles()).toBeGreaterThan(before);
  answer.destroy();
  await until("relayd has closed the connection", async () => (await openFiles()) === before);
  expect(relay.log().filter(({ level }) => level === "error")).toEqual([]);
});

it("functions of one among them meet", async () => {
  const { ends } = await meet(relay, f1, f2);
  ends[0].stream.end("here");
  expect(await ends[1].rest()).toBe("here");
  for (const end of ends) end.destroy();
});

it("one on which hundreds are parked is deleted, and each of them hears of it", async () => {
  const ends: End[] = [];
  while (ends.length < PARKED) {
    const channels = Array.from({ length: Math.min(AT_ONCE, PARKED - ends.length) }, (_, n) => ends.length + n + 1);
    ends.push(...(await Promise.all(channels.map((channel) => ask(relay, f1, "f2", { channel })))));
  }
  await until("all are parked", async () => (await relay.status()).parked === PARKED, PARKING_MS);
  const before = await late();
  expect(await relay.control.deleteRoute("f1", "f2")).toMatchObject({ refused: PARKED });
  for (const end of ends) expect(await end.rest()).toContain("reason=no_route");
  if (LONG) expect(await late()).toBe(before);
  for (const end of ends) end.destroy();
}, 600_000);
