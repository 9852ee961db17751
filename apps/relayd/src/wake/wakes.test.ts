import { createHmac } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WaitWatch } from "@serverless-relay/core";
import { createAuthority } from "@serverless-relay/pki";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { WakeConfig } from "../config/wake.ts";
import type { WakeEvent } from "./event.ts";
import { hang, reset, status, TargetServer } from "./target-server.test-support.ts";
import { Wakes } from "./wakes.ts";

let target: TargetServer;
let servers: TargetServer[];
let settings: WakeConfig | undefined;
let hooks: Record<string, string>;
let events: WakeEvent[];
let wakes: Wakes;
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "relayd-wake-"));
  target = await TargetServer.start();
  servers = [target];
  settings = {
    allow: [{ url: target.url }],
    after: 0,
    timeout: 2_000,
    again: 60_000,
    invocation: 60_000,
    requests: 8,
    requestsPerRoute: 4,
  };
  hooks = { f2: target.url };
  events = [];
  wakes = new Wakes({
    settings: () => settings,
    targetOf: (_f1, _f2, name) => hooks[name],
    observe: (event) => events.push(event),
  });
});

afterEach(async () => {
  wakes.close();
  await Promise.all(servers.map((server) => server.stop()));
  await rm(directory, { recursive: true });
});

const change = (changed: Partial<WakeConfig>) => {
  if (settings !== undefined) settings = { ...settings, ...changed };
};

const until = (look: () => boolean) => vi.waitUntil(look, { timeout: 10_000, interval: 5 });

let connections = 0;

/** As the relay tells of one that waits. */
function wait(name: string, channel = "443", { nowhere = true, f1 = "f1", f2 = "f2" } = {}): WaitWatch {
  const peer = name === f1 ? f2 : f1;
  const parkedAt = performance.now();
  const connection = `c${++connections}`;
  const watch = wakes.onWaiting({
    connection,
    route: { f1, f2 },
    channel,
    name,
    peer,
    parkedAt,
    deadline: parkedAt + 60_000,
  });
  if (nowhere) watch.peerIsNowhere();
  return watch;
}

const requests = (count: number) => until(() => target.seen.length >= count);
const outcomes = () => events.flatMap((event) => (event.event === "wake" ? event.outcome : []));
const ended = (count: number) => until(() => outcomes().length >= count);

describe("a function that somebody waits for", () => {
  it("is sent a CloudEvent that says who waits for it, where, and for how long", async () => {
    wait("f1", "job-7");
    await requests(1);
    const [seen] = target.seen;
    expect(seen?.headers).toMatchObject({
      "content-type": "application/json",
      "ce-specversion": "1.0",
      "ce-type": "serverless-relay.function.wanted.v1",
      "ce-source": expect.stringMatching(/^\/\/.+\/relayd$/),
      "ce-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
      "ce-subject": "f2",
      "ce-time": expect.stringMatching(/^\d{4}-.*Z$/),
    });
    const data = JSON.parse(seen?.body ?? "") as Record<string, string>;
    expect(data).toMatchObject({ function: "f2", peer: "f1", route: ["f1", "f2"], channel: "job-7" });
    expect(Date.parse(data.deadline ?? "") - Date.parse(data.waitingSince ?? "")).toBe(60_000);
    await ended(1);
    expect(events).toMatchObject([
      { event: "wake", outcome: "accepted", name: "f2", peer: "f1", channel: "job-7", target: target.url, status: 204 },
    ]);
  });

  it("is asked for once, however many wait on the channel, and once for each channel", async () => {
    target.answers = [hang];
    for (const channel of ["1", "1", "1", "2"]) wait("f1", channel);
    await requests(2);
    expect(wakes.statesOf("f2", "f1").map(({ channel }) => channel)).toEqual(["1", "2"]);
    expect(target.seen.map(({ body }) => (JSON.parse(body) as { channel: string }).channel)).toEqual(["1", "2"]);
    expect(target.most).toBe(2);
  });

  it("is not asked for before that was long enough, nor if it came, nor before it was sought elsewhere", async () => {
    change({ after: 150 });
    wait("f1", "sought", { nowhere: false });
    wait("f1", "brief").over(false);
    wait("f1", "met").over(true);
    wait("f1", "conflict"); // both ask for the same role
    wait("f2", "conflict");
    const begin = performance.now();
    wait("f1", "long");
    await requests(1);
    expect(performance.now() - begin).toBeGreaterThanOrEqual(149);
    expect(target.seen.map(({ body }) => (JSON.parse(body) as { channel: string }).channel)).toEqual(["long"]);
  });

  it("is not asked for where its route has no hook for it, until it has one", async () => {
    wait("f2");
    expect(wakes.size).toBe(0);
    hooks = { f1: `${target.url}f1` };
    wakes.reconsider();
    await requests(1);
    expect(target.seen[0]?.headers["ce-subject"]).toBe("f1");
  });

  it("may be a second instance of the one that waits", async () => {
    hooks = { f: target.url };
    wait("f", "443", { f1: "f", f2: "f" });
    await requests(1);
    expect(target.seen[0]?.headers["ce-subject"]).toBe("f");
  });
});

describe("a request that fails", () => {
  it("is made again after growing pauses, as the same event; and as another one once it was accepted", async () => {
    target.answers = [status(503), reset, status(500), status(204)];
    change({ again: 200 });
    wait("f1");
    await requests(5);
    expect(outcomes().slice(0, 4)).toEqual(["rejected", "unreachable", "rejected", "accepted"]);
    const ids = target.seen.map(({ headers }) => headers["ce-id"]);
    expect(new Set(ids.slice(0, 4)).size).toBe(1);
    expect(ids[4]).not.toBe(ids[0]);
    const [first = 0, second = 0, third = 0, fourth = 0] = target.seen.map(({ at }) => at);
    expect(second - first).toBeGreaterThanOrEqual(249);
    expect(third - second).toBeGreaterThanOrEqual(499);
    expect(fourth - third).toBeGreaterThanOrEqual(999);
    expect(target.most).toBe(1);
  });

  it("is not made again before the answer allows", async () => {
    target.answers = [status(429, { "retry-after": "1" }), status(204)];
    wait("f1");
    await requests(2);
    expect((target.seen[1]?.at ?? 0) - (target.seen[0]?.at ?? 0)).toBeGreaterThanOrEqual(999);
  });

  it("is one that is not answered in time", async () => {
    target.answers = [hang];
    change({ timeout: 100 });
    wait("f1");
    await requests(2);
    expect(outcomes()).toEqual(["timeout"]);
    await target.seen[0]?.closed;
    expect(target.most).toBe(1);
  });

  it("is one that is answered with a redirect, which is not followed", async () => {
    const other = await TargetServer.start();
    servers.push(other);
    change({ allow: [{ url: target.url }, { url: other.url }] }); // not even to what is allowed
    target.answers = [status(307, { location: other.url })];
    wait("f1");
    await ended(1);
    expect(events).toMatchObject([{ outcome: "rejected", status: 307 }]);
    await requests(2);
    expect(other.seen).toEqual([]);
  });

  it("keeps its pause, though who waits leaves and comes back", async () => {
    target.answers = [status(503)];
    for (let n = 0; n < 20; n++) {
      const watch = wait("f1");
      await new Promise((resolve) => setTimeout(resolve, 25));
      watch.over(false);
    }
    expect(target.seen.length).toBeLessThanOrEqual(2);
  });
});

describe("when the function has come", () => {
  it("its request is not broken off, for its invocation goes on; and there is no further one", async () => {
    target.answers = [hang];
    const watch = wait("f1");
    await requests(1);
    watch.over(true);
    expect(events).toMatchObject([{ event: "woken", name: "f2", peer: "f1", requests: 1 }]);
    expect(wakes.size).toBe(0);
    expect(target.open).toBe(1);
    wait("f1"); // somebody else, for whom another instance is needed
    await requests(2);
    expect(target.open).toBe(2);
  });

  it("its request is broken off when it lasts for longer than an invocation may", async () => {
    target.answers = [hang];
    change({ invocation: 50 });
    const watch = wait("f1");
    await requests(1);
    watch.over(true);
    await ended(1);
    expect(outcomes()).toEqual(["timeout"]);
    await target.seen[0]?.closed;
  });
});

it("when nobody waits any more, the request is broken off, and there is no further one", async () => {
  target.answers = [hang];
  const watches = [wait("f1"), wait("f1")];
  await requests(1);
  watches[0]?.over(false);
  expect(outcomes()).toEqual([]);
  watches[1]?.over(false);
  await target.seen[0]?.closed;
  expect(outcomes()).toEqual(["abandoned"]);
  await until(() => wakes.statesOf("f1", "f2").length === 0);
  expect(target.seen).toHaveLength(1);
});

describe("what is not allowed", () => {
  it("is not requested, whoever brought the route; and is as soon as it is allowed", async () => {
    const { allow } = settings ?? { allow: [] };
    change({ allow: [{ url: "https://f2.example/" }] });
    wait("f1");
    await ended(1);
    expect(events).toMatchObject([{ outcome: "not_allowed", detail: expect.stringContaining("wake.allow") }]);
    expect(wakes.statesOf("f1", "f2")).toMatchObject([{ name: "f2", requests: 0, last: { outcome: "not_allowed" } }]);
    expect(target.seen).toEqual([]);
    change({ allow: [...allow] });
    wakes.reconsider();
    await requests(1);
  });

  it("is everything where the configuration has no such section", async () => {
    settings = undefined;
    wait("f1");
    expect(wakes.size).toBe(0);
  });

  it("is more than so many requests at once, of a route and in all", async () => {
    target.answers = [hang];
    change({ requests: 3, requestsPerRoute: 2 });
    for (const channel of ["1", "2", "3"]) wait("f1", channel);
    wait("g1", "1", { f1: "g1", f2: "f2" });
    wait("g1", "2", { f1: "g1", f2: "f2" });
    await requests(3);
    await new Promise((resolve) => setTimeout(resolve, 600)); // longer than it takes to look for room again
    expect(target.most).toBe(3);
    expect(target.seen.map(({ headers, body }) => [headers["ce-subject"], JSON.parse(body).peer as string])).toEqual([
      ["f2", "f1"],
      ["f2", "f1"],
      ["f2", "g1"],
    ]);
  });
});

describe("a target knows relayd", () => {
  const keep = async (name: string, content: string) => {
    const path = join(directory, name);
    await writeFile(path, content);
    return path;
  };

  it("by a bearer token, which is read anew for each request", async () => {
    const token = await keep("token", "first\n");
    change({ allow: [{ url: target.url, token }] });
    target.answers = [status(401), status(204)];
    wait("f1");
    await ended(1);
    await keep("token", "second\n");
    await requests(2);
    expect(target.seen.map(({ headers }) => headers.authorization)).toEqual(["Bearer first", "Bearer second"]);
  });

  it("by a signature of id, time and body, as Standard Webhooks have it", async () => {
    const secret = Buffer.alloc(32, 7);
    change({ allow: [{ url: target.url, signingKey: await keep("key", `whsec_${secret.toString("base64")}`) }] });
    wait("f1");
    await requests(1);
    const { headers, body = "" } = target.seen[0] ?? {};
    const timestamp = String(headers?.["webhook-timestamp"]);
    expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(5);
    expect(headers?.["webhook-id"]).toBe(headers?.["ce-id"]);
    const signed = createHmac("sha256", secret)
      .update(`${String(headers?.["ce-id"])}.${timestamp}.${body}`)
      .digest("base64");
    expect(headers?.["webhook-signature"]).toBe(`v1,${signed}`);
    expect(headers?.authorization).toBeUndefined();
  });

  it.each([
    ["token", "two words"],
    ["token", "line\r\nX-Injected: 1"],
    ["signingKey", "whsec_short"],
    ["signingKey", "no prefix at all, and too short"],
    ["ca", "no certificate"],
    ["token", "a".repeat(65 * 1024)],
  ] as const)("not by a %s that is none: nothing is sent", async (kind, content) => {
    change({ allow: [{ url: target.url, [kind]: await keep("bad", content) }] });
    wait("f1");
    await ended(1);
    expect(events).toMatchObject([{ outcome: "no_credentials", detail: expect.stringMatching(/bad: .*; /) }]);
    expect(target.seen).toEqual([]);
  });

  it("and relayd the target, by its CA", async () => {
    const authority = await createAuthority({ commonName: "targets" });
    const { certPem, keyPem } = await authority.issueRelay({ hosts: ["127.0.0.1"] });
    const secure = await TargetServer.start({ cert: certPem, key: keyPem });
    servers.push(secure);
    hooks = { f2: secure.url };
    change({ allow: [{ url: secure.url }] });
    const unknown = wait("f1", "unknown CA");
    await ended(1);
    expect(events).toMatchObject([{ outcome: "unreachable", detail: expect.stringContaining("certificate") }]);
    unknown.over(false);
    change({ allow: [{ url: secure.url, ca: await keep("ca.pem", authority.certPem) }] });
    wait("f1", "known CA");
    await until(() => secure.seen.length === 1);
    change({ allow: [{ url: secure.url, ca: await keep("ca.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n") }] });
    wait("f1", "bad CA");
    await until(() => events.some((it) => it.channel === "bad CA"));
    expect(events.at(-1)).toMatchObject({ outcome: "unreachable", channel: "bad CA" });
  });
});
