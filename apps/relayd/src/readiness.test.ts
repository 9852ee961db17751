import { expect, it } from "vitest";
import { STATUS } from "./control/control.test-support.ts";
import { readyRemarks, unreadyReasons } from "./readiness.ts";

const shared = {
  name: "shared",
  route: null,
  protocol: "connect",
  host: "::",
  port: 1,
  state: "up",
  error: null,
} as const;
const route = { ...shared, name: "route", route: { f1: "f1", f2: "f2" }, state: "down", error: "taken" } as const;

it("is ready once the shared listener is open, until it drains", () => {
  expect(unreadyReasons({ ...STATUS, listeners: [] })).toEqual(["starting: the shared listener is not open yet"]);
  expect(unreadyReasons({ ...STATUS, listeners: [shared] })).toEqual([]);
  const draining = { ...STATUS, state: "draining" as const, listeners: [shared] };
  expect(unreadyReasons(draining)).toEqual(["draining: nobody is admitted any more"]);
});

it("is ready though a route's own listener is down, and says so", () => {
  const status = { ...STATUS, listeners: [shared, route] };
  expect(unreadyReasons(status)).toEqual([]);
  expect(readyRemarks(status)).toEqual(["1 of the routes' listeners down"]);
  expect(readyRemarks({ ...STATUS, listeners: [shared] })).toEqual([]);
});
