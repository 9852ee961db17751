import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type Certificates, makeCertificates } from "../certificates.test-support.ts";
import {
  type Caller,
  detach,
  type FakeRelay,
  head200,
  refusal,
  rendezvous,
  startFakeRelay,
} from "../fake-relay.test-support.ts";
import { connect, createServer, type RelayServer, type ServerOptions } from "../index.ts";

let certificates: Certificates;
const relays: FakeRelay[] = [];
const servers: RelayServer[] = [];
const dialled = new Set<Socket>();
const noteDialled = (message: unknown): void => void dialled.add((message as { socket: Socket }).socket);

beforeAll(async () => {
  certificates = await makeCertificates();
});

beforeEach(() => subscribe("net.client.socket", noteDialled));

afterEach(async () => {
  for (const server of servers) server.destroy();
  await Promise.all(servers.splice(0).map((server) => server.closed));
  await expect.poll(() => [...dialled].filter((socket) => !socket.destroyed).length).toBe(0);
  dialled.clear();
  unsubscribe("net.client.socket", noteDialled);
  await Promise.all(relays.splice(0).map(async (relay) => relay.close()));
});

async function relayThat(answer: (caller: Caller) => void | Promise<void>): Promise<FakeRelay> {
  const relay = await startFakeRelay(certificates.relay, answer);
  relays.push(relay);
  return relay;
}

function serve({ port }: FakeRelay, options: Partial<ServerOptions> = {}): RelayServer {
  const server = createServer({ relay: `127.0.0.1:${port}`, peer: "f1", identity: certificates.f2, ...options });
  servers.push(server);
  return server;
}

async function dial({ port }: FakeRelay): Promise<TLSSocket> {
  const options = { relay: `127.0.0.1:${port}`, peer: "f2", identity: certificates.f1, role: "client" } as const;
  return (await connect({ ...options, timeout: 10_000 })).socket;
}

const never = (): void => {};

function echo(socket: TLSSocket): void {
  socket.on("error", never).pipe(socket);
}

/** What comes back of `text`, until the other side ends. */
async function echoed(socket: TLSSocket, text: string): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk)).end(text);
  await once(socket, "close");
  return Buffer.concat(chunks).toString();
}

describe("a server", () => {
  it("meets one peer after another, and several at once", async () => {
    const relay = await relayThat(rendezvous());
    const server = serve(relay, { backlog: 2, allowHalfOpen: true }).on("connection", echo);
    expect(await echoed(await dial(relay), "hello")).toBe("hello");
    const texts = Array.from({ length: 8 }, (_, index) => `text ${index}`.repeat(5_000));
    const sockets = await Promise.all(texts.map(async () => dial(relay)));
    const connected = sockets.map(async (socket, index) => echoed(socket, texts[index] ?? ""));
    expect(await Promise.all(connected)).toEqual(texts);
    await expect.poll(() => server.connections).toBe(0);
  });

  it("keeps its backlog parked, tells of each, and of what comes of it", async () => {
    const relay = await relayThat(rendezvous());
    const server = serve(relay, { backlog: 3 });
    const told: string[] = [];
    server.on("waiting", (parked) => told.push(`waiting ${parked}`));
    server.on("paired", ({ session, peer, role }) => told.push(`paired ${session} ${peer} ${role}`));
    server.on("connection", (socket, { peer }) => {
      told.push(`connection ${peer}`);
      socket.resume().on("error", never);
    });
    await expect.poll(() => told).toEqual(["waiting 1", "waiting 2", "waiting 3"]);
    const socket = await dial(relay);
    await expect.poll(() => told.slice(3).toSorted()).toEqual(["connection f1", "paired s1 f1 server", "waiting 3"]);
    expect([server.parked, server.connections]).toEqual([3, 1]);
    socket.resume().end();
    await expect.poll(() => server.connections).toBe(0);
  });

  it("parks no more than there is room for, and goes on when there is", async () => {
    const relay = await relayThat(rendezvous());
    const server = serve(relay, { backlog: 2, maxConnections: 2 });
    server.on("connection", (socket) => socket.resume().on("error", never));
    await expect.poll(() => server.parked).toBe(2);
    const first = (await dial(relay)).resume();
    await expect.poll(() => server.connections).toBe(1);
    expect(server.parked).toBe(1);
    const second = (await dial(relay)).resume();
    await expect.poll(() => server.connections).toBe(2);
    expect(server.parked).toBe(0);
    first.end();
    await expect.poll(() => server.parked).toBe(1);
    second.end();
    await expect.poll(() => server.parked).toBe(2);
    await expect.poll(() => server.connections).toBe(0);
  });

  it("tells of an impostor, and waits on for the peer", async () => {
    const relay = await relayThat(rendezvous());
    const server = serve(relay).on("connection", echo);
    const failed = once(server, "failed");
    const options = { relay: `127.0.0.1:${relay.port}`, peer: "f2", role: "client" } as const;
    const impostor = connect({ ...options, identity: certificates.f3 });
    const socket = impostor.then((connection) => connection.socket.on("error", never));
    expect((await failed)[0]).toMatchObject({ name: "WrongPeer", names: ["f3"] });
    (await socket).destroy();
    expect(await echoed(await dial(relay), "hello")).toBe("hello");
  });

  it("parks anew without a word when the wait has ended", async () => {
    let waits = 0;
    const relay = await relayThat(async (caller) => {
      const bare = await detach(caller);
      if (++waits > 1) return;
      setTimeout(() => bare.resume().end(refusal(504, "peer_timeout", "the peer did not come in time")), 1_050);
    });
    const server = serve(relay, { backlog: 1 });
    const noise: unknown[] = [];
    server.on("retrying", (error) => noise.push(error)).on("error", (error) => noise.push(error));
    await expect.poll(() => waits, { timeout: 4_000 }).toBe(2);
    expect(noise).toEqual([]);
  });
});

describe("a server whose relay is gone", () => {
  it("tells of it once, sends one ahead, and has its backlog again when the relay is back", async () => {
    const relay = await relayThat(rendezvous());
    const server = serve(relay, { backlog: 3 }).on("connection", echo);
    const told: string[] = [];
    server.on("retrying", (error, delayMs) => told.push(`${error.name} ${delayMs < 600}`));
    await expect.poll(() => server.parked).toBe(3);
    for (const socket of relay.open) socket.destroy();
    await expect.poll(() => told).toEqual(["RelayUnreachable true"]);
    await expect.poll(() => server.parked, { timeout: 5_000 }).toBe(3);
    expect(await echoed(await dial(relay), "hello again")).toBe("hello again");
    expect(told).toHaveLength(1);
  });

  it("waits as long as Retry-After says", async () => {
    const asked: number[] = [];
    const relay = await relayThat(({ outer, records }) => {
      asked.push(performance.now());
      records.stayInTls();
      outer.resume().end(refusal(503, "draining", "the relay is draining", "Retry-After: 1\r\n"));
    });
    const [error, delayMs] = await once(serve(relay, { backlog: 4 }), "retrying");
    expect(error).toMatchObject({ reason: "draining", retryAfter: 1 });
    expect(delayMs).toBeGreaterThanOrEqual(1_000);
    const fifth = await vi.waitUntil(() => asked[4], { timeout: 4_000 }); // the first of those that come again
    expect(fifth - (asked[0] ?? 0)).toBeGreaterThan(990);
  });

  it("asks again slowly where a route is missing, and gives up where its certificate is no use", async () => {
    let reason = "no_route";
    const relay = await relayThat(({ outer, records }) => {
      records.stayInTls();
      outer.resume().end(refusal(403, reason, "no"));
    });
    const [missing, delayMs] = await once(serve(relay, { backlog: 1 }), "retrying");
    expect(missing).toMatchObject({ reason: "no_route" });
    expect(delayMs).toBeGreaterThanOrEqual(15_000);
    reason = "certificate_revoked";
    const server = serve(relay, { backlog: 2 });
    const errors: Error[] = [];
    server.on("error", (error) => errors.push(error));
    await server.closed;
    expect(errors).toMatchObject([{ name: "RelayRefused", reason: "certificate_revoked" }]);
  });
});

describe("the end of a server", () => {
  it("withdraws what is parked, and lets connections end", async () => {
    const relay = await relayThat(rendezvous());
    const server = serve(relay, { allowHalfOpen: true }).on("connection", echo);
    const socket = await dial(relay);
    await expect.poll(() => server.connections).toBe(1);
    const closed = server.close();
    await expect.poll(() => server.parked).toBe(0);
    expect(await echoed(socket, "not yet")).toBe("not yet");
    await closed;
  });

  it("does not wait longer than told, and tells the peer by a truncation", async () => {
    const relay = await relayThat(rendezvous());
    const server = serve(relay).on("connection", echo);
    const socket = await dial(relay);
    const error = once(socket.resume(), "error");
    await expect.poll(() => server.connections).toBe(1);
    await server.close({ graceMs: 50 });
    expect((await error)[0]).toMatchObject({ name: "ConnectionTruncated" });
  });

  it("may come by a signal, and before it began", async () => {
    const relay = await relayThat(rendezvous());
    const stop = new AbortController();
    const server = serve(relay, { signal: stop.signal });
    await expect.poll(() => server.parked).toBe(4);
    stop.abort();
    await server.closed;
    const atOnce = serve(relay);
    await atOnce.close();
    expect(() => serve(relay, { signal: stop.signal })).toThrow("aborted");
  });

  it("comes while the peer is being verified", async () => {
    const relay = await relayThat(async (caller) => {
      const bare = await detach(caller);
      bare.resume().write(head200({ transport: "raw", peer: "f1", role: "server" }));
    });
    const server = serve(relay, { maxConnections: 1 });
    await once(server, "paired");
    await server.close({ graceMs: 20 });
  });
});

it("what it is asked for is checked before anything is dialled", () => {
  const relay = "127.0.0.1:1";
  const common = { relay, peer: "f1", identity: certificates.f2 };
  expect(() => createServer({ ...common, backlog: 0 })).toThrow(/^backlog: 0 will not do/);
  expect(() => createServer({ ...common, maxConnections: 1.5 })).toThrow(/^maxConnections: /);
  expect(() => createServer({ ...common, peer: "" })).toThrow(/^peer: /);
});
