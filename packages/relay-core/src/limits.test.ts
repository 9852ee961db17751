import { connect as dialTcp, type Socket } from "node:net";
import { type ClientCredentials, connectHead, OuterClient, until } from "@serverless-relay/testkit";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { RelayLimits, RouteOptions } from "./index.ts";
import {
  functionIdentity,
  LIMITS,
  makeCertificates,
  startRelay,
  type TestCertificates,
  type TestRelay,
} from "./relay.test-support.ts";

let certificates: TestCertificates;
let f1: ClientCredentials;
let f2: ClientCredentials;
let bed: TestRelay;
const clients: { destroy(): void }[] = [];

beforeAll(async () => {
  certificates = await makeCertificates();
  f1 = await functionIdentity(certificates.authority, "f1");
  f2 = await functionIdentity(certificates.authority, "f2");
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await expect.poll(() => bed.relay.usage()).toEqual({ handshakes: 0, connections: 0, sessions: 0 });
  await bed.close();
});

async function start(limits: Partial<RelayLimits>, options: RouteOptions = {}): Promise<void> {
  bed = await startRelay(certificates, { limits });
  bed.relay.routes.set({ f1: "f1", f2: "f2", options });
}

/** Asks inside TLS, and waits until the relay has decided. */
async function ask(credentials: ClientCredentials, peer: string, channel = 443, fields = {}): Promise<OuterClient> {
  const client = await OuterClient.dial(bed.port, credentials);
  clients.push(client);
  const { address } = client;
  client.request(connectHead(`${peer}:${channel}`, fields));
  await expect
    .poll(() => bed.events.some((event) => "address" in event && event.address === address), { interval: 2 })
    .toBe(true);
  return client;
}

async function expectRefused(client: OuterClient, status: 429 | 503, limit: string): Promise<void> {
  const answer = await client.answer();
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(answer).toContain(`; reason=${status === 429 ? "quota_exceeded" : "full"}\r\n`);
  expect(answer).toMatch(/\r\nRetry-After: [1-9]\r\n/);
  expect(answer).not.toContain(limit); // which one it is, is the operator's affair
  const reason = status === 429 ? "quota_exceeded" : "full";
  expect(bed.events.findLast(({ event }) => event === "refused")).toMatchObject({ reason, limit });
}

async function meet(channel = 443): Promise<void> {
  const before = bed.relay.sessions().length;
  await ask(f1, "f2", channel);
  await ask(f2, "f1", channel);
  await expect.poll(() => bed.relay.sessions().length).toBe(before + 1);
}

/** Connects, and says nothing. One that is reset at once may not even hear that it was connected. */
function silent(): Socket {
  const socket = dialTcp(bed.port, "127.0.0.1");
  socket.on("error", () => {});
  clients.push(socket);
  return socket.resume();
}

const closed = (socket: Socket) => new Promise((resolve) => socket.once("close", resolve));

describe("a function", () => {
  it("has so many connections", async () => {
    await start({ connectionsPerFunction: 2 });
    await meet();
    await ask(f1, "f2", 1);
    await expectRefused(await ask(f1, "f2", 2), 429, "connectionsPerFunction");
    await ask(f2, "f1", 3); // another one is not in its way
    expect(bed.relay.parkedCount).toBe(2);
  });

  it("has so many parked; what would be paired at once is not one of them", async () => {
    await start({ parkedPerFunction: 1 });
    await ask(f1, "f2", 1);
    await expectRefused(await ask(f1, "f2", 2), 429, "parkedPerFunction");
    await ask(f2, "f1", 7);
    await ask(f1, "f2", 7);
    await expect.poll(() => bed.relay.sessions().length).toBe(1);
  });

  it("has so many sessions", async () => {
    await start({ sessionsPerFunction: 1 });
    await meet();
    await ask(f1, "f2", 1);
    await expectRefused(await ask(f2, "f1", 1), 429, "sessionsPerFunction");
  });

  it("arrives so often in a second", async () => {
    await start({ arrivalsPerFunction: 2 });
    const asked = await Promise.all(Array.from({ length: 8 }, (_, index) => ask(f1, "f2", index + 1)));
    await expect.poll(() => bed.events.filter(({ event }) => event === "refused").length).toBeGreaterThan(0);
    const refused = bed.events.find(({ event }) => event === "refused");
    expect(refused).toMatchObject({ reason: "quota_exceeded", limit: "arrivalsPerFunction", names: ["f1"] });
    expect(asked).toHaveLength(8);
    await ask(f2, "f1", 9);
    expect(bed.relay.parked().some(({ name }) => name === "f2")).toBe(true);
  });
});

describe("a route", () => {
  it("has so many parked, both ends together", async () => {
    await start({ parkedPerRoute: 2 });
    await ask(f1, "f2", 1);
    await ask(f2, "f1", 2);
    await expectRefused(await ask(f1, "f2", 3), 429, "parkedPerRoute");
  });

  it("has so many sessions, and another once one has ended", async () => {
    await start({ sessionsPerRoute: 1 });
    await meet();
    await ask(f1, "f2", 1);
    await expectRefused(await ask(f2, "f1", 1), 429, "sessionsPerRoute");
    for (const { id } of bed.relay.sessions()) bed.relay.endSession(id, "killed");
    await expect.poll(() => bed.relay.usage().sessions).toBe(0);
    await ask(f2, "f1", 1);
    await expect.poll(() => bed.relay.sessions().length).toBe(1);
  });

  it("has fewer of its own, if it says so: maxSessions", async () => {
    await start({}, { maxSessions: 1 });
    await meet();
    await ask(f1, "f2", 1);
    await expectRefused(await ask(f2, "f1", 1), 429, "maxSessions");
  });

  it("has so many channels in use, whether parked or carried: channelLimit", async () => {
    await start({}, { channelLimit: 2 });
    await meet(1);
    const parked = await ask(f1, "f2", 2);
    await expectRefused(await ask(f1, "f2", 3), 429, "channelLimit");
    await ask(f1, "f2", 2); // one that is in use already
    parked.destroy();
    await expect.poll(() => bed.relay.parkedCount).toBe(1);
    await expectRefused(await ask(f2, "f1", 3), 429, "channelLimit");
    for (const { id } of bed.relay.sessions()) bed.relay.endSession(id, "killed");
    await expect.poll(() => bed.relay.sessions().length).toBe(0);
    await ask(f2, "f1", 3);
    expect(bed.relay.parkedCount).toBe(2);
  });

  it("never has more sessions than it may, however many come at once", async () => {
    await start({}, { maxSessions: 3 });
    const fields = { Prefer: "wait=1" };
    await Promise.all(
      [f1, f2].flatMap((self, end) => Array.from({ length: 10 }, () => ask(self, `f${2 - end}`, 443, fields))),
    );
    await expect.poll(() => bed.events.filter(({ event }) => event === "paired").length).toBe(3);
    await expect.poll(() => bed.relay.parkedCount, { timeout: 3_000 }).toBe(0);
    expect(bed.relay.sessions()).toHaveLength(3);
  });

  it("is gone once its first session has begun, and whoever else waits is refused: once", async () => {
    await start({}, { once: true });
    const other = await ask(f1, "f2", 1);
    await meet();
    expect(await other.answer()).toContain("; reason=no_route\r\n");
    expect(await (await ask(f2, "f1", 1)).answer()).toContain("; reason=no_route\r\n");
    expect(bed.relay.sessions()).toHaveLength(1);
  });

  it("says how long those wait who do not: wait", async () => {
    await start({ waitMs: 20_000, maxWaitMs: 25_000 }, { wait: 0.05 });
    expect(await (await ask(f1, "f2")).answer()).toContain("; reason=peer_timeout\r\n");
    bed.relay.routes.set({ f1: "f1", f2: "f2", options: { wait: 1_000 } });
    await ask(f1, "f2");
    const [held] = bed.relay.parked();
    expect((held?.deadline ?? 0) - (held?.parkedAt ?? 0)).toBeCloseTo(25_000, 6); // their sum was rounded
  });
});

describe("the relay", () => {
  it("has so many sessions in all", async () => {
    await start({ sessions: 1 });
    await meet();
    await ask(f1, "f2", 1);
    await expectRefused(await ask(f2, "f1", 1), 503, "sessions");
  });

  it("has so many connections in all", async () => {
    await start({ connections: 1 });
    await ask(f1, "f2", 1);
    await expectRefused(await ask(f1, "f2", 2), 503, "connections");
  });

  it.each([
    ["in all", { handshakes: 3 }, "handshakes"],
    ["from one address", { handshakesPerAddress: 3 }, "handshakesPerAddress"],
  ])("has so many on their way in, %s; after a second they make room", async (_which, limits, limit) => {
    await start(limits);
    for (let count = 0; count < 3; count++) silent();
    await expect.poll(() => bed.relay.usage().handshakes).toBe(3);
    await closed(silent());
    expect(bed.events).toEqual([expect.objectContaining({ event: "dropped", reason: "too_many_handshakes", limit })]);
    // Whoever comes later gets in, although the silent ones may stay for five seconds.
    const someone = await until("there is room", () => OuterClient.dial(bed.port, f1).catch(() => null), 4_000);
    someone.destroy();
    expect(bed.events.find((event) => "detail" in event && /made room/.test(event.detail ?? ""))).toMatchObject({
      reason: "too_many_handshakes",
      limit,
    });
  });

  it("counts one that is being refused among those, until it has gone", async () => {
    await start({});
    const client = await ask(f1, "nobody");
    expect(bed.relay.usage().handshakes).toBe(1);
    client.destroy();
    await expect.poll(() => bed.relay.usage().handshakes).toBe(0);
  });

  it("lets so many arrive from one address in a second, the others being dropped before any TLS", async () => {
    await start({ arrivalsPerAddress: 5 });
    for (let count = 0; count < 30; count++) silent();
    const dropped = () =>
      bed.events.filter((event) => event.event === "dropped" && event.limit === "arrivalsPerAddress");
    await expect.poll(() => dropped().length).toBeGreaterThan(10);
    expect(dropped()[0]).toMatchObject({ reason: "too_many_arrivals", durationMs: 0 });
  });

  it("ends a session that has lasted too long", async () => {
    await start({ maxDurationMs: 100 });
    await meet();
    await expect.poll(() => bed.events.at(-1)).toMatchObject({ event: "ended", reason: "lifetime", by: null });
  });

  it("takes up other limits while it runs", async () => {
    await start({});
    await ask(f1, "f2", 1);
    bed.relay.setLimits({ ...LIMITS, parkedPerFunction: 1, headSize: 256 });
    await expectRefused(await ask(f1, "f2", 2), 429, "parkedPerFunction");
    expect(await (await ask(f1, "f2", 2, { Padding: "x".repeat(500) })).answer()).toMatch(/^HTTP\/1\.1 431 /);
    bed.relay.setLimits({ ...LIMITS, connections: 1 });
    await expectRefused(await ask(f1, "f2", 2), 503, "connections");
    bed.relay.setLimits(LIMITS);
    await ask(f1, "f2", 2);
    expect(bed.relay.parkedCount).toBe(2);
  });
});

describe("a plain listener", () => {
  it("keeps to its route's limits, too", async () => {
    bed = await startRelay(certificates, {
      limits: { parkedPerRoute: 1, sessionsPerRoute: 1 },
      entrance: { protocol: "plain", route: { f1: "f1", f2: "f2" } },
    });
    silent();
    silent();
    await expect.poll(() => bed.relay.sessions().length).toBe(1);
    silent();
    await expect.poll(() => bed.relay.parkedCount).toBe(1);
    await closed(silent());
    expect(bed.events.at(-1)).toMatchObject({ event: "dropped", reason: "full", limit: "sessionsPerRoute" });
  });
});
