/** What every route store promises, run over each implementation. */
import type { RouteOptions } from "@serverless-relay/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RouteRecord, RouteStore } from "./route-store.ts";

const LONG_NAME = `spiffe://example.org/${"x".repeat(491)}`;

function route(f1: string, f2: string, more: Partial<RouteRecord> = {}): RouteRecord {
  return { f1, f2, createdAt: "2026-11-23T06:00:00.000Z", ...more };
}

/** `open` gives a new, empty store; whatever it lies in is the caller's to remove. */
export function describeRouteStore(name: string, open: () => Promise<RouteStore>): void {
  describe(`the route store: ${name}`, () => {
    let store: RouteStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(async () => {
      await store.close();
    });

    it("gives back what was put, with and without options, in the order given", async () => {
      const plain = route("f2", "f1", { protocol: "plain", port: 9000 });
      await store.put(plain);
      await store.put(route("a", "z"));
      expect([...store.all()]).toEqual([route("a", "z"), plain]);
    });

    it("keeps every option of a route", async () => {
      const options: Required<RouteOptions> = {
        channelLimit: 3,
        maxSessions: 2,
        expiresAt: "2026-11-24T06:00:00.000Z",
        once: true,
        wait: 30,
        bandwidth: 10_485_760,
        pins: { f1: [`sha256:${"0".repeat(64)}`], f2: [`sha256:${"f".repeat(64)}`] },
      };
      await store.put(route("f1", "f2", options));
      expect([...store.all()]).toEqual([route("f1", "f2", options)]);
    });

    it("takes {b, a} and {a, b} for the same route, the last one put being kept", async () => {
      await store.put(route("a", "b"));
      await store.put(route("b", "a", { protocol: "bare" }));
      expect([...store.all()]).toEqual([route("b", "a", { protocol: "bare" })]);
    });

    it("holds {f, f}, and names that look alike, apart", async () => {
      const routes = [route("a", "a"), route("a", "ab"), route("A", "a"), route("a-b", "c"), route("a", "b-c")];
      for (const record of routes) await store.put(record);
      expect([...store.all()]).toHaveLength(routes.length);
      for (const record of routes) expect([...store.all()]).toContainEqual(record);
    });

    it("holds names as long as they may be", async () => {
      expect(LONG_NAME).toHaveLength(512);
      await store.put(route(LONG_NAME, `${LONG_NAME.slice(0, -1)}y`));
      await store.keepPort(LONG_NAME, LONG_NAME, 1);
      expect([...store.all()]).toEqual([route(LONG_NAME, `${LONG_NAME.slice(0, -1)}y`)]);
      expect(store.portOf(LONG_NAME, LONG_NAME)).toBe(1);
    });

    it("deletes in either order, and says whether there was such a route", async () => {
      await store.put(route("a", "b"));
      await expect(store.delete("b", "a")).resolves.toBe(true);
      await expect(store.delete("b", "a")).resolves.toBe(false);
      expect([...store.all()]).toEqual([]);
    });

    it("of two deletions at once, only one finds the route", async () => {
      await store.put(route("a", "b"));
      const found = await Promise.all([store.delete("a", "b"), store.delete("b", "a")]);
      expect(found.filter(Boolean)).toHaveLength(1);
    });

    it("keeps a port in either order, whether there is a route or not, until it is released", async () => {
      expect(store.portOf("a", "b")).toBeUndefined();
      await store.keepPort("a", "b", 20_000);
      await store.keepPort("b", "a", 20_001);
      expect(store.portOf("a", "b")).toBe(20_001);
      await store.put(route("a", "b"));
      await store.delete("a", "b");
      expect(store.portOf("b", "a")).toBe(20_001);
      await store.releasePort("b", "a");
      await store.releasePort("b", "a");
      expect(store.portOf("a", "b")).toBeUndefined();
      expect([...store.all()]).toEqual([]);
    });

    it("takes many changes at once, in their order", async () => {
      const names = Array.from({ length: 500 }, (_, index) => `f${index}`);
      await Promise.all(names.flatMap((f2) => [store.put(route("f", f2, { port: 1 })), store.put(route("f", f2))]));
      expect([...store.all()]).toHaveLength(names.length);
      expect([...store.all()].every(({ port }) => port === undefined)).toBe(true);
      await Promise.all(names.map((name) => store.delete(name, "f")));
      expect([...store.all()]).toEqual([]);
    });

    it("may be closed twice", async () => {
      await store.close();
      await store.close();
    });
  });
}
