import { Refusal } from "@serverless-relay/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { type Route, RouteTable } from "./pairing/routes.ts";
import { Quotas, type Stay } from "./quotas.ts";

const MANY = 100;
let routes: RouteTable;
let quotas: Quotas;

beforeEach(() => {
  routes = new RouteTable();
  quotas = new Quotas(
    {
      arrivalsPerFunction: MANY,
      connectionsPerFunction: MANY,
      parkedPerFunction: MANY,
      parkedPerRoute: MANY,
      sessions: MANY,
      sessionsPerFunction: MANY,
      sessionsPerRoute: MANY,
    },
    routes,
  );
});

function add(options: Route["options"]): Route {
  const route: Route = { f1: "a", f2: "b", ...(options !== undefined && { options }) };
  routes.set(route);
  return route;
}

function pairOn(route: Route, channel = "443"): [Stay, Stay] {
  const [a, b] = ["a", "b"].map((name) => quotas.begin({ route, name, channel }, false));
  if (a === undefined || b === undefined) throw new Error("no stays");
  return [a, b];
}

describe("a route for one session", () => {
  it("lets one pair begin, and none while that is about to", () => {
    const route = add({ once: true });
    const [, one] = pairOn(route, "1");
    const [, other] = pairOn(route, "2");
    quotas.reserveSession(one);
    expect(() => quotas.reserveSession(other)).toThrow(expect.objectContaining({ limit: "once" }));
    quotas.releaseSession(one); // it did not begin
    quotas.reserveSession(other);
    expect(() => quotas.reserveSession(one)).toThrow(Refusal);
  });

  it("that is added anew is for another session, while the first still lasts", () => {
    const [, one] = pairOn(add({ once: true }));
    quotas.reserveSession(one);
    routes.delete("a", "b"); // its session has begun
    const [, other] = pairOn(add({ once: true }));
    quotas.reserveSession(other);
    expect(quotas.sessions).toBe(2);
  });

  it("is not free again because an older session between the two has ended", () => {
    const [, older] = pairOn(add({}));
    quotas.reserveSession(older);
    const route = add({ once: true });
    const [, one] = pairOn(route, "1");
    const [, other] = pairOn(route, "2");
    quotas.reserveSession(one);
    quotas.end(older);
    expect(() => quotas.reserveSession(other)).toThrow(expect.objectContaining({ limit: "once" }));
  });
});
