import { Refusal } from "@serverless-relay/protocol";
import { describe, expect, it } from "vitest";
import { authorize, endOfRoute } from "./authorize.ts";
import type { Caller } from "./pins.ts";
import { type Route, RouteTable } from "./routes.ts";

const caller = (...names: string[]): Caller => ({ names, key: "sha256:1", verified: true });

function reasonOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof Refusal) return error.reason;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("a caller that asks for a peer", () => {
  const routes = new RouteTable();
  const route: Route = { f1: "f1", f2: "f2" };
  routes.set(route);
  routes.set({ f1: "f2", f2: "f3" });

  it("takes the route between one of its names and the peer, whichever was named first", () => {
    expect(authorize(routes, caller("x", "f1"), { peer: "f2", as: undefined })).toEqual({
      route,
      name: "f1",
      peer: "f2",
    });
    expect(authorize(routes, caller("f2"), { peer: "f1", as: undefined })).toEqual({ route, name: "f2", peer: "f1" });
  });

  it("says which name it means where several would do, and may not mean another's", () => {
    const both = caller("f1", "f3");
    expect(reasonOf(() => authorize(routes, both, { peer: "f2", as: undefined }))).toBe("as_required");
    expect(authorize(routes, both, { peer: "f2", as: "f3" }).name).toBe("f3");
    expect(reasonOf(() => authorize(routes, both, { peer: "f2", as: "f2" }))).toBe("as_not_certified");
  });

  it("hears the same of a peer that nobody knows and of one that is not for it", () => {
    for (const peer of ["f3", "nobody"]) {
      expect(reasonOf(() => authorize(routes, caller("f1"), { peer, as: undefined }))).toBe("no_route");
    }
  });
});

describe("a caller at a route's own listener", () => {
  const route: Route = { f1: "f1", f2: "f2" };

  it("takes the end that bears its name", () => {
    expect(endOfRoute(route, caller("f1"))).toEqual({ route, name: "f1", peer: "f2" });
    expect(endOfRoute(route, caller("x", "f2"))).toEqual({ route, name: "f2", peer: "f1" });
  });

  it("takes none with neither name, or with both", () => {
    expect(endOfRoute(route, caller("f3"))).toBeNull();
    expect(endOfRoute(route, caller("f1", "f2"))).toBeNull();
  });

  it("takes either end of a route of a function with itself", () => {
    const alone: Route = { f1: "f", f2: "f" };
    expect(endOfRoute(alone, caller("f"))).toEqual({ route: alone, name: "f", peer: "f" });
  });
});
