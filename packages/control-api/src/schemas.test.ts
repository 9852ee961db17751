import { describe, expect, it } from "vitest";
import { z } from "zod";
import * as api from "./index.ts";

const time = "2026-11-23T06:00:00.000Z";
const names = { f1: "f1", f2: "spiffe://example.org/f2" };
const listener = { protocol: "bare", host: "127.0.0.1", port: 20000, state: "down", error: "address in use" };
const pins = { f1: [`sha256:${"0".repeat(64)}`] };
const wake = { f1: "https://f1.example/" };
const options = { channelLimit: 3, maxSessions: 2, once: true, wait: 0.5, bandwidth: 1024, pins, wake };
const noOptions = {
  channelLimit: null,
  maxSessions: null,
  once: false,
  wait: null,
  bandwidth: null,
  pins: null,
  wake: null,
};
const shown = { createdAt: time, listener, parked: 1, sessions: 0 };
const route = { ...names, ...options, ...shown, source: "dynamic", expiresAt: time };
const staticRoute = { ...names, ...noOptions, ...shown, source: "static", createdAt: null, expiresAt: null };
const end = { name: "f1", address: "127.0.0.1:5000", transport: "raw", role: "client", bytesSent: 7 };

describe("the schemas", () => {
  it.each<[string, z.ZodType, unknown]>([
    ["error", api.errorAnswerSchema, { error: { code: "no_port_range", message: "set listen.perRoute" } }],
    ["route list", api.routeListSchema, { routes: [route, { ...staticRoute, listener: null }] }],
    ["route", api.routeSchema, staticRoute],
    ["route to add", api.addRouteSchema, { ...names, protocol: "plain", port: 1 }],
    ["route to add, with options", api.addRouteSchema, { ...names, ...options, ttl: 900 }],
    ["route to add, without options", api.addRouteSchema, names],
    ["added route", api.addedRouteSchema, { created: true, route }],
    ["deleted route", api.deletedRouteSchema, { route: names, refused: 2, killed: 0 }],
    [
      "session list",
      api.sessionListSchema,
      { sessions: [{ id: "s1", route: names, channel: "443", startedAt: time, ends: [end, end] }] },
    ],
    ["killed session", api.killedSessionSchema, { id: "s1" }],
    [
      "parked list",
      api.parkedListSchema,
      {
        parked: [
          {
            id: "p1",
            name: "f1",
            peer: "f2",
            route: names,
            channel: "443",
            transport: "tls",
            role: null,
            address: "[::1]:5000",
            parkedAt: time,
            deadline: time,
          },
        ],
      },
    ],
    [
      "explanation",
      api.whySchema,
      {
        ...names,
        channel: null,
        canMeet: false,
        findings: [{ code: "no_route", severity: "error", text: "add it" }],
      },
    ],
    ["event", api.eventSchema, { time, event: "paired", anything: ["else"] }],
    [
      "status",
      api.statusSchema,
      {
        version: "0.0.0",
        pid: 1,
        state: "draining",
        drain: { startedAt: "2026-11-23T06:00:00.000Z", deadline: "2026-11-23T06:00:30.000Z" },
        startedAt: time,
        uptimeSeconds: 0.5,
        config: "/etc/relayd.yaml",
        listeners: [
          { name: "shared", route: null, ...listener },
          { name: "route", route: names, ...listener, error: null },
        ],
        routes: { static: 1, dynamic: 2 },
        parked: 0,
        sessions: { live: 1, total: 5 },
        admitted: 10,
        refused: { no_route: 3 },
        bytes: 2 ** 40,
        limits: {
          connections: { used: 4, limit: 10_000 },
          handshakes: { used: 1, limit: 512 },
          sessions: { used: 1, limit: 5_000 },
        },
        splice: "kernel",
        cluster: null,
        reload: { lastAt: null, trigger: null, ok: true, problems: [], restart: [], good: 0, bad: 0 },
        certificates: [
          { use: "crl", file: "crl.pem", subject: "CN=ca", notAfter: time, daysLeft: -0.5, warning: "expired" },
        ],
      },
    ],
  ])("take a whole %s as it is", (_name, schema, value) => {
    expect(schema.parse(value)).toEqual(value);
  });

  it("refuse a body with a field that there is not, and a port that cannot be", () => {
    expect(api.addRouteSchema.safeParse({ ...names, ports: 1 }).success).toBe(false);
    expect(api.addRouteSchema.safeParse({ ...names, port: 0 }).success).toBe(false);
    expect(api.addRouteSchema.safeParse({ f1: "f1" }).success).toBe(false);
    for (const wrong of [
      { ttl: 0 },
      { ttl: 1e9 },
      { maxSessions: 1.5 },
      { bandwidth: 0 },
      { pins: { f1: ["sha1:0"] } },
    ]) {
      expect(api.addRouteSchema.safeParse({ ...names, ...wrong }).success).toBe(false);
    }
  });

  it("read the query of a deletion", () => {
    expect(api.deleteRouteQuerySchema.parse({})).toEqual({ kill: false });
    expect(api.deleteRouteQuerySchema.parse({ kill: "true" })).toEqual({ kill: true });
    expect(api.deleteRouteQuerySchema.safeParse({ kill: "1" }).success).toBe(false);
  });

  it("have a status for every error code", () => {
    expect(Object.keys(api.ERROR_STATUS).sort()).toEqual([...api.errorCodeSchema.options].sort());
  });

  it("can be written as JSON Schema, those of answers under their names", () => {
    expect(z.toJSONSchema(z.globalRegistry).schemas).toHaveProperty("Status");
    expect(() => z.toJSONSchema(api.deleteRouteQuerySchema, { io: "input" })).not.toThrow();
  });
});
