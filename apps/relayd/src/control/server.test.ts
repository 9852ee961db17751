import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as api from "@serverless-relay/control-api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  ask,
  begin,
  FakeTarget,
  PARKED,
  RELOADED,
  recordingLog,
  SESSION,
  type Sent,
  STATUS,
} from "./control.test-support.ts";
import { type ControlServer, openControlServer } from "./server.ts";

let directory: string;
let socket: string;
let target: FakeTarget;
let server: ControlServer;
let lines: Record<string, unknown>[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "relayd-control-"));
  socket = join(directory, "relayd.sock");
  target = new FakeTarget();
  const recording = recordingLog();
  lines = recording.lines;
  server = await openControlServer(socket, target, recording.log);
});
afterEach(async () => {
  await server.close();
  expect(target.subscribers.size).toBe(0);
  expect(await readdir(directory)).toEqual([]);
  await rm(directory, { recursive: true });
});

const send = (method: string, path: string, sent?: Sent) => ask(socket, method, path, sent);

async function errorOf(method: string, path: string, sent?: Sent): Promise<string> {
  const { status, body } = await send(method, path, sent);
  const { code, message } = api.errorAnswerSchema.parse(body).error;
  expect(status).toBe(api.ERROR_STATUS[code]);
  return `${code}: ${message}`;
}

describe("the control API", () => {
  it("answers what there is, in the shapes of its schemas", async () => {
    await target.addRoute({ f1: "f1", f2: "f2" });
    const found = async (path: string, schema: { parse(value: unknown): unknown }) => {
      const { status, type, body } = await send("GET", path);
      expect([status, type]).toEqual([200, "application/json; charset=utf-8"]);
      return schema.parse(body);
    };
    await expect(found("/v1/status", api.statusSchema)).resolves.toEqual(STATUS);
    await expect(found("/v1/routes", api.routeListSchema)).resolves.toEqual({ routes: target.routes });
    await expect(found("/v1/routes/f1/f2", api.routeSchema)).resolves.toEqual(target.routes[0]);
    await expect(found("/v1/sessions", api.sessionListSchema)).resolves.toEqual({ sessions: [SESSION] });
    await expect(found("/v1/parked", api.parkedListSchema)).resolves.toEqual({ parked: [PARKED] });
  });

  it("drains, for as long as it is told or the configuration says", async () => {
    const answers = [
      await send("POST", "/v1/drain"),
      await send("POST", "/v1/drain", { body: {} }),
      await send("POST", "/v1/drain", { body: { timeout: 1.5 } }),
    ];
    for (const { status, body } of answers) {
      expect(status).toBe(200);
      expect(api.startedDrainSchema.parse(body).sessions).toBe(1);
    }
    expect(target.drained).toEqual([undefined, undefined, 1_500]);
  });

  it("sets the log level, and says what is configured", async () => {
    const { body } = await send("PUT", "/v1/log", { body: { level: "debug" } });
    expect(api.logStateSchema.parse(body)).toEqual({ level: "debug", configured: "info" });
    expect((await send("GET", "/v1/log")).body).toEqual(body);
    expect(await errorOf("PUT", "/v1/log", { body: { level: "loud" } })).toMatch(
      /^invalid_request: the body's field level: /,
    );
    expect(target.level).toBe("debug");
  });

  it("reloads, checks without reloading, and tells of bad files line by line", async () => {
    await expect(send("POST", "/v1/reload")).resolves.toMatchObject({ status: 200, body: RELOADED });
    const checked = async (body: unknown) =>
      api.reloadResultSchema.parse((await send("POST", "/v1/config/check", { body })).body);
    expect((await checked({})).warnings).toEqual(["looked at its own"]);
    expect((await checked({ file: "/etc/relayd/new.yaml" })).warnings).toEqual(["looked at /etc/relayd/new.yaml"]);
    await expect(errorOf("POST", "/v1/config/check", { body: { file: "new.yaml" } })).resolves.toMatch(
      /^invalid_request: /,
    );
    target.configIsBad = true;
    await expect(errorOf("POST", "/v1/reload")).resolves.toBe(
      "config_invalid: relayd.yaml:1:1: bad\nrelayd.yaml:2:1: bad, too",
    );
  });

  it("adds a route once", async () => {
    const body = { f1: "f1", f2: "spiffe://example.org/f2" };
    const first = await send("POST", "/v1/routes", { body });
    expect(first).toMatchObject({ status: 201, body: { created: true, route: body } });
    await expect(send("POST", "/v1/routes", { body })).resolves.toMatchObject({
      status: 200,
      body: { created: false },
    });
  });

  it("deletes a route, whatever is in the names, and kills its sessions only if asked", async () => {
    const name = `spiffe://example.org/${"é%/?".repeat(100)}`;
    const path = `/v1/routes/${encodeURIComponent(name)}/f2`;
    await expect(send("DELETE", path)).resolves.toMatchObject({ status: 200, body: { refused: 1, killed: 0 } });
    expect(target.deleted).toEqual([name, "f2", false]);
    await send("DELETE", `${path}?kill=true`);
    expect(target.deleted).toEqual([name, "f2", true]);
    await send("DELETE", `${path}?kill=false`);
    expect(target.deleted).toEqual([name, "f2", false]);
  });

  it("says so if there is no such route to show", async () => {
    await expect(errorOf("GET", "/v1/routes/f1/f9")).resolves.toMatch(/^route_not_found: /);
  });

  it("shows a session", async () => {
    const path = `/v1/sessions/${encodeURIComponent(SESSION.id)}`;
    await expect(send("GET", path)).resolves.toMatchObject({ status: 200, body: SESSION });
    await expect(errorOf("GET", "/v1/sessions/x")).resolves.toMatch(/^session_not_found: there is no session x; /);
  });

  it("ends a session", async () => {
    const answer = await send("DELETE", `/v1/sessions/${encodeURIComponent(SESSION.id)}`);
    expect(answer).toMatchObject({ status: 200, body: { id: SESSION.id } });
    await expect(errorOf("DELETE", "/v1/sessions/x")).resolves.toMatch(/^session_not_found: there is no session x; /);
  });

  it("describes itself", async () => {
    const { body } = await send("GET", "/v1/openapi.json");
    const document = body as { openapi: string; paths: Record<string, object>; components: { schemas: object } };
    expect(document.openapi).toBe("3.1.0");
    expect(Object.entries(document.paths).map(([path, methods]) => [path, Object.keys(methods)])).toEqual([
      ["/v1/status", ["get"]],
      ["/v1/cluster", ["get"]],
      ["/v1/routes", ["get", "post"]],
      ["/v1/routes/{f1}/{f2}", ["get", "delete"]],
      ["/v1/sessions", ["get"]],
      ["/v1/sessions/{id}", ["get", "delete"]],
      ["/v1/parked", ["get"]],
      ["/v1/why/{f1}/{f2}", ["get"]],
      ["/v1/drain", ["post"]],
      ["/v1/log", ["get", "put"]],
      ["/v1/reload", ["post"]],
      ["/v1/config/check", ["post"]],
      ["/v1/events", ["get"]],
    ]);
    const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)];
    expect(references.length).toBeGreaterThan(10);
    for (const [, name = ""] of references) expect(document.components.schemas).toHaveProperty([name]);
  });

  /** `vitest run -u` of this file writes it anew. */
  it("is described in docs/openapi.json as it describes itself", async () => {
    const { body } = await send("GET", "/v1/openapi.json");
    const file = fileURLToPath(new URL("../../../../docs/openapi.json", import.meta.url));
    await expect(`${JSON.stringify(body, null, 2)}\n`).toMatchFileSnapshot(file);
  });
});

describe("a request that cannot be served", () => {
  it.each<[string, string, string, Sent | undefined, RegExp]>([
    [
      "another path",
      "GET",
      "/v1/nothing?x=1",
      undefined,
      /^not_found: there is no GET \/v1\/nothing; see GET \/v1\/openapi\.json/,
    ],
    ["another method", "PUT", "/v1/routes", undefined, /^not_found: there is no PUT \/v1\/routes; /],
    ["a method that is served nowhere", "PATCH", "/v1/events", undefined, /^not_found: /],
    [
      "a missing field",
      "POST",
      "/v1/routes",
      { body: { f1: "a" } },
      /^invalid_request: the body's field f2: expected string, received undefined$/,
    ],
    [
      "a field that there is not",
      "POST",
      "/v1/routes",
      { body: { f1: "a", f2: "b", x: 1 } },
      /^invalid_request: the body has no field x$/,
    ],
    [
      "a wrong protocol",
      "POST",
      "/v1/routes",
      { body: { f1: "a", f2: "b", protocol: "x" } },
      /^invalid_request: the body's field protocol: /,
    ],
    [
      "a body that is no object",
      "POST",
      "/v1/routes",
      { body: [] },
      /^invalid_request: the body: expected object, received array$/,
    ],
    ["no body", "POST", "/v1/routes", undefined, /^invalid_request: the body: expected object/],
    ["a body that is no JSON", "POST", "/v1/routes", { body: "{" }, /^invalid_request: .*JSON/],
    [
      "a form",
      "POST",
      "/v1/routes",
      { body: "f1=a", headers: { "content-type": "application/x-www-form-urlencoded" } },
      /^invalid_request: the body is not said to be JSON; send it with/,
    ],
    [
      "too large a body",
      "POST",
      "/v1/routes",
      { body: { f1: "x".repeat(70_000), f2: "b" } },
      /^invalid_request: the body is too large; 64 KiB/,
    ],
    ["a bad query", "DELETE", "/v1/routes/a/b?kill=1", undefined, /^invalid_request: the query's field kill: /],
    ["a bad escape in the path", "DELETE", "/v1/routes/%zz/b", undefined, /^invalid_request: .*%zz/],
    [
      "what the target says no to",
      "POST",
      "/v1/routes",
      { body: { f1: "static", f2: "b" } },
      /^route_differs: delete it first$/,
    ],
  ])("%s", async (_name, method, path, sent, expected) => {
    await expect(errorOf(method, path, sent)).resolves.toMatch(expected);
  });

  it("by a fault of relayd is logged, and shows nothing of it", async () => {
    target.broken = new Error("secret of the daemon");
    await expect(errorOf("GET", "/v1/status")).resolves.toBe(
      "internal: relayd failed on this request; its log says how",
    );
    const logged = lines.filter(({ level }) => level === 50);
    expect(logged).toMatchObject([{ method: "GET", url: "/v1/status", err: { message: "secret of the daemon" } }]);
  });

  it("because it is not HTTP is told so", async () => {
    const connection = createConnection(socket);
    connection.end("hello\r\n\r\n");
    let text = "";
    for await (const chunk of connection.setEncoding("utf8")) text += String(chunk);
    const [head = "", body = ""] = text.split("\r\n\r\n");
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    expect(api.errorAnswerSchema.parse(JSON.parse(body)).error.code).toBe("invalid_request");
  });
});

describe("closing", () => {
  it("lets a request under way be answered", async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const began = new Promise<void>((resolve) => {
      target.addRoute = async (asked) => {
        resolve();
        await held;
        return await FakeTarget.prototype.addRoute.call(target, asked);
      };
    });
    const answer = send("POST", "/v1/routes", { body: { f1: "a", f2: "b" } });
    await began;
    const closed = server.close();
    release();
    await expect(answer).resolves.toMatchObject({ status: 201 });
    await closed;
  });

  it("does not wait for a connection that asks nothing", async () => {
    const idle = createConnection(socket);
    await once(idle, "connect");
    const gone = once(idle, "close");
    idle.resume();
    await server.close();
    await gone;
  });

  it("ends the streams of events, saying so", async () => {
    const stream = await begin(socket, "GET", "/v1/events");
    const closed = server.close();
    let text = "";
    for await (const chunk of stream.setEncoding("utf8")) text += String(chunk);
    expect(JSON.parse(text)).toMatchObject({ event: "stream_ended", message: "relayd is stopping" });
    await closed;
  });
});
