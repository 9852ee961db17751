import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import { request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import type { TLSSocket } from "node:tls";
import { Agent, fetch as fetchOfUndici } from "undici";
import { Agent as AgentForNode } from "undici-7";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { type Certificates, makeCertificates } from "../certificates.test-support.ts";
import { type FakeRelay, rendezvous, startFakeRelay } from "../fake-relay.test-support.ts";
import type { RelayServer } from "../index.ts";
import { type ConnectorOptions, connector, RelayAgent, serve } from "./index.ts";

let certificates: Certificates;
let relay: FakeRelay;
let server: Server;
let relayServer: RelayServer;
/** how many connections have been met */
let met: number;

beforeAll(async () => {
  certificates = await makeCertificates();
});

beforeEach(async () => {
  relay = await startFakeRelay(certificates.relay, rendezvous());
  server = createServer((incoming, response) => {
    const { subject } = (incoming.socket as TLSSocket).getPeerCertificate();
    response.setHeader("Visitor", String(subject.CN));
    if (incoming.method === "POST") incoming.pipe(response);
    else response.end(`${incoming.headers.host} ${incoming.url}`);
  });
  const common = { relay: `127.0.0.1:${relay.port}`, identity: certificates.f2 };
  relayServer = serve(server, { ...common, peer: "f1" });
  met = 0;
  relayServer.on("connection", () => met++);
});

afterEach(async () => {
  await relayServer.close({ graceMs: 2_000 });
  expect(server.listenerCount("request")).toBe(1);
  await relay.close();
});

/** Both, told apart by the version of undici that they are of. */
type Fetch = (url: string, init: { dispatcher: unknown }) => Promise<Response>;

function options(more: Partial<ConnectorOptions> = {}): ConnectorOptions {
  return { relay: `127.0.0.1:${relay.port}`, identity: certificates.f1, timeout: 5_000, ...more };
}

describe("fetch through the relay", () => {
  let agent: Agent;
  beforeEach(() => {
    agent = new Agent({ connect: connector(options()) });
  });
  afterEach(() => agent.close());

  it.each([
    ["Node's own", globalThis.fetch, AgentForNode],
    ["undici's", fetchOfUndici, Agent],
  ])("%s", async (_whose, fetch, Dispatcher) => {
    const dispatcher = new Dispatcher({ connect: connector(options()), connections: 1 });
    const get = async (path: string) => (fetch as Fetch)(`https://f2/${path}`, { dispatcher });
    const response = await get("hello");
    expect([response.status, await response.text()]).toEqual([200, "f2 /hello"]);
    expect(response.headers.get("visitor")).toBe("f1");
    for (let round = 0; round < 5; round++) expect(await (await get(`${round}`)).text()).toBe(`f2 /${round}`);
    expect(met).toBe(1);
    await dispatcher.close();
  });

  it("sends and gets what is large, several at once", async () => {
    const bodies = Array.from({ length: 6 }, (_, index) => `${index}`.repeat(1_000_000));
    const answers = bodies.map(async (body) => {
      const response = await fetchOfUndici("https://f2/", { dispatcher: agent, method: "POST", body });
      return response.text();
    });
    expect(await Promise.all(answers)).toEqual(bodies);
  });

  it("tells the caller why there is no connection", async () => {
    const nobody = new Agent({ connect: connector(options({ timeout: 100, peerOf: () => "nobody" })) });
    const attempt = fetchOfUndici("https://f2/", { dispatcher: nobody });
    await expect(attempt).rejects.toMatchObject({ cause: { name: "RelayTimeout", retryable: true } });
    await nobody.close();
  });
});

describe("an agent for node:http", () => {
  it("takes http and https for the same, and keeps connections", async () => {
    const agent = new RelayAgent(options());
    for (const send of [request, httpsRequest]) {
      const outgoing = send({ host: "f2", path: "/hello", agent }).end();
      const [response] = await once(outgoing, "response");
      expect(await text(response)).toBe("f2 /hello");
    }
    expect(met).toBe(1);
    agent.destroy();
  });

  it("tells the caller why there is no connection", async () => {
    const agent = new RelayAgent(options({ relay: "127.0.0.1:9" }));
    const [error] = await once(request({ host: "f2", agent }).end(), "error");
    expect(error).toMatchObject({ name: "RelayUnreachable" });
  });

  it("carries WebSocket", async () => {
    const sockets = new WebSocketServer({ server });
    sockets.on("connection", (socket) =>
      socket.on("message", (data: Buffer) => socket.send(`echo ${data.toString()}`)),
    );
    const agent = new RelayAgent(options());
    const socket = new WebSocket("wss://f2/", { agent });
    await once(socket, "open");
    socket.send("hello");
    expect(String((await once(socket, "message"))[0])).toBe("echo hello");
    socket.close();
    await once(socket, "close");
    agent.destroy();
    sockets.close();
  });
});

describe("the end of what is served", () => {
  it("lets an answer under way end, and closes what is idle", async () => {
    const agent = new Agent({ connect: connector(options()) });
    const get = async (path: string) => fetchOfUndici(`https://f2/${path}`, { dispatcher: agent });
    await (await get("idle")).text();
    const { promise: asked, resolve } = Promise.withResolvers<() => void>();
    server.prependOnceListener("request", (_request, response) => {
      const end = response.end.bind(response);
      response.end = () => {
        resolve(() => end("late"));
        return response;
      };
    });
    const slow = get("slow");
    const answer = await asked;
    const closed = relayServer.close({ graceMs: 5_000 });
    await expect.poll(() => relayServer.parked).toBe(0);
    answer();
    const response = await slow;
    expect([response.headers.get("connection"), await response.text()]).toEqual(["close", "late"]);
    await closed;
    await agent.close();
  });

  it("lets a WebSocket go on until its own end", async () => {
    const sockets = new WebSocketServer({ server });
    sockets.on("connection", (socket) =>
      socket.on("message", (data: Buffer) => socket.send(`echo ${data.toString()}`)),
    );
    const socket = new WebSocket("ws://f2/", { agent: new RelayAgent(options()) });
    await once(socket, "open");
    const closed = relayServer.close({ graceMs: 5_000 });
    await expect.poll(() => relayServer.parked).toBe(0);
    socket.send("still here");
    expect(String((await once(socket, "message"))[0])).toBe("echo still here");
    socket.close();
    await closed;
    sockets.close();
  });
});
