import { spawnSync } from "node:child_process";
import { Agent, request } from "node:http";
import { createConnection } from "node:net";
import { join } from "node:path";
import type { Route } from "@serverless-relay/control-api";
import { RunningRelay, until } from "@serverless-relay/testkit";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { descriptors, residentBytes } from "../faults/plain-sessions.ts";

/** `FUZZ=200000` is a long form. */
const RUNS = Number(process.env.FUZZ ?? 1_000);
/** MiB of heap: where there is more, garbage is left to grow for minutes, and cannot be told from a leak. */
const HEAP = 48;
const GROWTH = 64 << 20;
const PATIENCE_MS = 15_000;

let relay: RunningRelay;
const agent = new Agent({ keepAlive: true, maxSockets: 4 });

beforeAll(async () => {
  relay = await RunningRelay.start({
    routes: [["f1", "f2"]],
    under: ["env", `NODE_OPTIONS=--max-old-space-size=${HEAP}`],
  });
  spawnSync("mkfifo", [join(relay.directory, "fifo")]);
});

afterAll(async () => {
  agent.destroy();
  await relay.finish();
});

const byKey = (routes: readonly Route[]) => routes.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
const key = ({ f1, f2 }: Route) => JSON.stringify([f1, f2]);

/** The same process, with the same descriptors and about the same memory; and its store is as its list of routes says. */
async function expectUnharmed(pid: number, before: { memory: number; files: number }): Promise<void> {
  const { pid: now } = await relay.status();
  expect(now).toBe(pid);
  expect(residentBytes(pid) - before.memory).toBeLessThan(GROWTH);
  agent.destroy();
  await until("its descriptors are closed", () => descriptors(pid).all <= before.files);
  const routes = await relay.control.listRoutes();
  expect(relay.log().filter(({ msg }) => msg === "a control request failed")).toEqual([]);
  await relay.crash();
  await relay.boot();
  const lasting = routes.filter(({ expiresAt }) => expiresAt === null || Date.parse(expiresAt) > Date.now());
  expect(byKey(await relay.control.listRoutes())).toEqual(byKey(lasting));
  for (const { f1, f2 } of routes.slice(1)) await relay.control.deleteRoute(f1, f2).catch(() => {});
}

const name = fc.oneof(
  fc.constantFrom(
    "f1",
    "f2",
    "f3",
    "",
    ".",
    "..",
    "*",
    "a/b",
    "a b",
    "\u0000",
    "é",
    "spiffe://x/y",
    "__proto__",
    "x".repeat(600),
  ),
  fc.string({ unit: "binary", maxLength: 40 }),
);
const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.constantFrom(0, -1, 1.5, 1e308, 2 ** 53, "1", true, [], {}, null),
  name,
);
const fields = [
  "f1",
  "f2",
  "protocol",
  "port",
  "channelLimit",
  "maxSessions",
  "ttl",
  "once",
  "wait",
  "bandwidth",
  "pins",
  "level",
  "__proto__",
  "constructor",
  "toString",
  "unknown",
];
const body = fc.oneof(
  fc.record({
    f1: name,
    f2: name,
    maxSessions: fc.option(fc.integer(), { nil: undefined }),
    ttl: fc.option(fc.integer({ min: 60 }), { nil: undefined }),
  }),
  fc.dictionary(fc.constantFrom(...fields), value, { maxKeys: 8 }),
  value,
);
const path = fc.oneof(
  fc.constantFrom(
    "/v1/status",
    "/v1/routes",
    "/v1/sessions",
    "/v1/parked",
    "/v1/log",
    "/v1/reload",
    "/v1/config/check",
    "/v1/openapi.json",
    "/v1/cluster",
    "/",
    "*",
    "/v1/%2e%2e/status",
    "/v1/routes/%",
    "//",
  ),
  fc
    .tuple(fc.constantFrom("routes", "why"), name, name)
    .map(([what, f1, f2]) => `/v1/${what}/${encoded(f1)}/${encoded(f2)}`),
  name.map((id) => `/v1/sessions/${encoded(id)}`),
  fc
    .tuple(fc.constantFrom("kill", "channel", "x"), name)
    .map(([key, text]) => `/v1/routes/f1/f9?${key}=${encoded(text)}`),
);
const method = fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS");

function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** The status of the answer. Rejects if there is none in time. */
function ask(method: string, path: string, sent: unknown): Promise<number> {
  return new Promise((resolve, reject) => {
    const text = sent === undefined ? "" : JSON.stringify(sent);
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
    const asking = request({ socketPath: relay.socket, agent, method, path, headers, timeout: PATIENCE_MS });
    asking.on("timeout", () => asking.destroy(new Error(`no answer to ${method} ${path}`)));
    asking.on("error", reject).on("response", (answer) => {
      answer
        .resume()
        .on("end", () => resolve(answer.statusCode ?? 0))
        .on("error", reject);
    });
    asking.end(text);
  });
}

it(
  `${RUNS} requests after the schemas' pattern, and beyond it: each is answered, and never by 5xx`,
  async () => {
    const pid = relay.process.pid;
    const before = { memory: residentBytes(pid), files: descriptors(pid).all };
    await fc.assert(
      fc.asyncProperty(method, path, fc.option(body, { nil: undefined }), async (method, path, body) => {
        expect(await ask(method, path, body)).toSatisfy((status: number) => status >= 200 && status < 500);
      }),
      { numRuns: RUNS },
    );
    await expectUnharmed(pid, before);
  },
  Math.max(60_000, RUNS * 10),
);

it.each(["/dev/zero", "/dev/stdin", "/proc/self/mem", "/", "fifo", "/nowhere", "relay.key"])(
  "a check of %s as if it were a configuration is answered with what is wrong",
  async (file) => {
    const path = file.startsWith("/") ? file : join(relay.directory, file);
    expect(await ask("POST", "/v1/config/check", { file: path })).toSatisfy(
      (status: number) => status === 400 || status === 422,
    );
  },
);

const whole = fc.tuple(method, path, fc.option(body, { nil: undefined })).map(([method, path, sent]) => {
  const text = sent === undefined ? "" : JSON.stringify(sent);
  return Buffer.from(
    `${method} ${path} HTTP/1.1\r\nHost: relayd\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
});
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 4_000 }).map((noise) => Buffer.from(noise)),
  fc.tuple(whole, fc.nat(), fc.nat(255)).map(([request, at, byte]) => {
    const changed = Buffer.from(request);
    changed[at % changed.length] = byte;
    return changed;
  }),
  fc.tuple(whole, fc.nat()).map(([request, at]) => request.subarray(0, at % request.length)),
  fc.array(whole, { minLength: 2, maxLength: 5 }).map((requests) => Buffer.concat(requests)),
  fc
    .tuple(whole, fc.integer({ min: 1, max: 40_000 }))
    .map(([request, length]) =>
      Buffer.concat([Buffer.from(`GET / HTTP/1.1\r\nX: ${"x".repeat(length)}\r\n\r\n`), request]),
    ),
);

it(
  `${RUNS / 2} times bytes that are no, or no whole, or several requests: the connection ends, and nothing else`,
  async () => {
    const pid = relay.process.pid;
    const before = { memory: residentBytes(pid), files: descriptors(pid).all };
    await fc.assert(
      fc.asyncProperty(bytes, fc.nat(3), async (sent, how) => {
        const socket = createConnection({ path: relay.socket, allowHalfOpen: how < 3 });
        let answered = "";
        socket
          .on("error", () => {})
          .on("data", (chunk: Buffer) => {
            answered += chunk.toString("latin1");
          });
        const closed = new Promise((resolve) => socket.once("close", resolve));
        socket.write(sent.subarray(0, sent.length >> 1));
        socket.write(sent.subarray(sent.length >> 1), () => (how === 3 ? socket.destroy() : socket.end()));
        await closed;
        expect(answered).not.toMatch(/^HTTP\/1\.1 5/m);
      }),
      { numRuns: RUNS / 2 },
    );
    await expectUnharmed(pid, before);
  },
  Math.max(60_000, RUNS * 10),
);
