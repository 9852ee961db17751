import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect as dialTcp, type Socket } from "node:net";
import {
  connectHead,
  connectionsOf,
  type FunctionFiles,
  meet,
  OuterClient,
  park,
  parseHead,
  RunningRelay,
  refusalReason,
  until,
} from "@serverless-relay/testkit";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";

const RAW = connectHead("f2:443", { "Relay-Transport": "raw" });

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  relay = await RunningRelay.start({
    routes: [["f1", "f2"]],
    yaml: "limits: { handshakeTimeout: 1s, requestTimeout: 1s, detachTimeout: 1s, connections: 10 }",
  });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
});

// Whatever it was: the same process serves others, and has let go of this one.
afterEach(async () => {
  await relay.quiet();
  const { ends } = await meet(relay, f1, f2);
  for (const end of ends) end.destroy();
  await relay.quiet();
});

afterAll(() => relay.stop());

async function dial(): Promise<Socket> {
  const socket: Socket = dialTcp({ port: relay.port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket.resume();
}

/** Of one alone: a connection that is reset before it is accepted has no address any more. */
async function dialAccepted(): Promise<Socket> {
  const socket = await dial();
  await until("relayd has accepted it", async () => (await connectionsOf(relay.process.pid)) > 0);
  return socket;
}

const addressOf = (socket: Socket) => `127.0.0.1:${socket.localPort}`;

it.each([
  ["words", Buffer.from("GET / HTTP/1.1\r\nHost: relay\r\n\r\n")],
  ["zeros", Buffer.alloc(1000)],
  ["noise", randomBytes(100_000)],
  ["a TLS record that claims to be huge", Buffer.from([22, 3, 1, 0xff, 0xff, 1, 2, 3])],
  ["a ClientHello of nonsense", Buffer.concat([Buffer.from([22, 3, 1, 0, 200, 1, 0, 0, 196]), randomBytes(196)])],
])("%s in place of a handshake: dropped", async (_what, bytes) => {
  const socket = await dialAccepted();
  const address = addressOf(socket);
  socket.write(bytes);
  expect(await relay.logged("dropped", { address })).toMatchObject({ reason: "handshake_failed" });
  socket.destroy();
});

/** What a client does instead of the next step. */
type Act<Client> = readonly [what: string, reason: string, act: (client: Client) => void];

const INSTEAD_OF_HANDSHAKE: readonly Act<Socket>[] = [
  ["silence", "handshake_timeout", () => {}],
  ["half of a record, and silence", "handshake_timeout", (socket) => socket.write(Buffer.from([22, 3, 1, 0, 99, 1]))],
  ["FIN", "client_gone", (socket) => socket.end()],
  ["RST", "client_gone", (socket) => socket.resetAndDestroy()],
];

it.each(INSTEAD_OF_HANDSHAKE)("%s in place of a handshake: dropped", async (_what, reason, act) => {
  const socket = await dialAccepted();
  const address = addressOf(socket);
  act(socket);
  expect(await relay.logged("dropped", { address })).toMatchObject({ reason });
  socket.destroy();
});

const INSTEAD_OF_REQUEST: readonly Act<OuterClient>[] = [
  ["close_notify", "client_gone", (client) => client.tls.end()],
  ["FIN", "client_gone", (client) => client.socket.end()],
  ["RST", "client_gone", (client) => client.socket.resetAndDestroy()],
];

it.each(INSTEAD_OF_REQUEST)("%s in place of a request: dropped", async (_what, reason, act) => {
  const client = await OuterClient.dial(relay.port, f1);
  const address = addressOf(client.socket);
  act(client);
  expect(await relay.logged("dropped", { address })).toMatchObject({ reason });
  client.destroy();
});

const INSTEAD_OF_CLOSE_NOTIFY: readonly Act<OuterClient>[] = [
  ["nothing", "detach_timeout", () => {}],
  ["more inside TLS", "detach_violated", (client) => client.request("more")],
  ["bytes that are no TLS", "detach_violated", (client) => client.socket.write("no TLS record begins so")],
  ["FIN", "client_gone", (client) => client.socket.end()],
  ["RST", "client_gone", (client) => client.socket.resetAndDestroy()],
];

it.each(INSTEAD_OF_CLOSE_NOTIFY)("%s in place of close_notify: dropped", async (_what, reason, act) => {
  const client = await OuterClient.dial(relay.port, f1);
  const address = addressOf(client.socket);
  client.request(RAW);
  expect(await client.answer()).toBe(""); // the relay's close_notify
  act(client);
  expect(await relay.logged("dropped", { address })).toMatchObject({ reason });
  client.destroy();
});

it("a request that never ends gets 408", async () => {
  const client = await OuterClient.dial(relay.port, f1);
  client.request("CONNECT f2:443 HTTP/1.1\r\nHost:");
  const answer = await client.answer();
  expect(parseHead(answer)).toMatchObject({ status: 408 });
  expect(refusalReason(answer)).toBe("request_timeout");
  client.destroy();
});

it("more connections than the limit get 503, and are welcome again once others have gone", async () => {
  const waiting = [];
  for (let count = 0; count < 10; count++) waiting.push(await park(relay, f1, "f2", { channel: count + 1 }));
  const client = await OuterClient.dial(relay.port, f1);
  client.request(RAW);
  const answer = await client.answer();
  expect(parseHead(answer)).toMatchObject({ status: 503, fields: { "retry-after": "1" } });
  expect(refusalReason(answer)).toBe("full");
  client.destroy();
  for (const end of waiting) end.destroy();
});

it("fifty at once who break off at every stage", async () => {
  await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const socket = await dial();
      if (index % 3 === 0) socket.write(randomBytes(index * 10 + 1));
      if (index % 2 === 0) socket.resetAndDestroy();
      else socket.end();
      await once(socket, "close");
    }),
  );
});
