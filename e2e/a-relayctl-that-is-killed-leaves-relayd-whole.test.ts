import { createConnection } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Route } from "@serverless-relay/control-api";
import { Running, RunningRelay, until } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { descriptors, residentBytes } from "./faults/plain-sessions.ts";

const KILLS = 12;
const ROUTES = 100;

let relay: RunningRelay;

beforeAll(async () => {
  relay = await RunningRelay.start();
  for (let index = 0; index < ROUTES; index++) await relay.control.addRoute({ f1: "f", f2: `f${index}` });
});

afterAll(() => relay.finish());

/** The list is in the order of being added, until relayd is started again. */
const byKey = (routes: readonly Route[]) => routes.toSorted((a, b) => (a.f1 + a.f2 < b.f1 + b.f2 ? -1 : 1));

const start = (...args: string[]) => Running.start("relayctl", args, { env: { RELAYD_SOCKET: relay.socket } });

it("in the middle of following events: relayd forgets it at once, and goes on telling the others", async () => {
  const { pid } = relay.process;
  const { all } = descriptors(pid);
  const other = start("events", "--json");
  const followers = Array.from({ length: 3 }, () => start("events", "--json"));
  await until("all follow", () => descriptors(pid).all >= all + 4);
  for (const follower of followers) await follower.stop("SIGKILL");
  await until("three are forgotten", () => descriptors(pid).all === all + 1);
  createConnection(relay.port, "127.0.0.1").end();
  await other.line(/"dropped"/);
  await other.stop("SIGKILL");
  await until("nobody is left", () => descriptors(pid).all === all);
});

it(`${KILLS} times in the middle of adding, deleting and listing routes: a route is whole or not there, nothing is held up or leaks`, async () => {
  const { pid } = relay.process;
  const [{ all }, memory] = [descriptors(pid), residentBytes(pid)];
  // How long a whole one takes, so that the kills fall all over it.
  const began = performance.now();
  expect(await relay.relayctl("route", "list", "--json")).toMatchObject({ code: 0 });
  const whole = performance.now() - began;
  const commands = (index: number) => [
    ["route", "add", `k${index}`, "g", "--max-sessions", "7"],
    ["route", "delete", "f", `f${index}`],
    ["route", "list", "--json"],
  ];
  for (let index = 0; index < KILLS; index++) {
    const running = commands(index).map((args) => start(...args));
    await sleep((whole * 1.2 * index) / KILLS);
    await Promise.all(running.map((one) => one.stop("SIGKILL")));
  }
  const routes = await relay.control.listRoutes();
  expect(routes.length).toBeGreaterThan(ROUTES - KILLS);
  for (const route of routes.filter(({ f1 }) => f1.startsWith("k"))) expect(route.maxSessions).toBe(7);
  await until("its descriptors are closed", () => descriptors(pid).all === all);
  expect(residentBytes(pid) - memory).toBeLessThan(64 << 20);
  await relay.crash();
  await relay.boot();
  expect(byKey(await relay.control.listRoutes())).toEqual(byKey(routes));
});
