import { getEventListeners, once } from "node:events";
import { text } from "node:stream/consumers";
import { connect, createServer, type RelayServer } from "@serverless-relay/client";
import { connectionsOf, type FunctionFiles, RunningRelay, until } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

/** In full, which takes minutes on a busy machine of two cores: SDK_CONNECTS=1000 */
const SEQUENTIAL = Number(process.env.SDK_CONNECTS ?? 100);
const AT_ONCE = SEQUENTIAL / 2;

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;
let server: RelayServer;

beforeAll(async () => {
  relay = await RunningRelay.start({
    routes: [["f1", "f2"]],
    yaml: "limits: { handshakes: 2000, handshakesPerAddress: 2000, arrivalsPerAddress: 10000, arrivalsPerFunction: 10000 }",
  });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
  const options = { relay: address(), peer: "f1", identity: identity(f2), backlog: 16, maxConnections: 1000 };
  server = createServer(options, (socket) => socket.pipe(socket));
  await once(server, "waiting");
});
afterAll(async () => {
  await server.close();
  await relay.finish();
});

const address = () => ({ host: "localhost", port: relay.port });
const identity = ({ cert, key, ca }: FunctionFiles) => ({ cert, key, ca });

const signal = new AbortController().signal;

async function exchange(word: string): Promise<string> {
  const wish = { relay: address(), peer: "f2", identity: identity(f1), signal, timeout: 60_000 };
  const { socket } = await connect(wish);
  socket.end(word);
  return await text(socket);
}

/** What of this process would be more if a connection left something; the test runner's timers are among it, and come and go. */
function held() {
  const kinds = process.getActiveResourcesInfo();
  const count = (kind: string) => kinds.filter((it) => it === kind).length;
  return {
    sockets: count("TCPSocketWrap"),
    timers: count("Timeout"),
    exitListeners: process.listenerCount("exit"),
    abortListeners: getEventListeners(signal, "abort").length,
  };
}

it(`${SEQUENTIAL} connections, one after another, leave no socket, no listener and no timer`, async () => {
  await exchange("what is made once is made now");
  const parked = () => until("the server is idle", () => server.connections === 0 && server.parked === 16);
  await parked();
  const before = held();
  for (let n = 0; n < SEQUENTIAL; n++) expect(await exchange(`${n}`)).toBe(`${n}`);
  await parked();
  await until("nothing more is held than before", () => {
    const now = held();
    return (Object.keys(now) as (keyof typeof now)[]).every((kind) => now[kind] <= before[kind]);
  });
  await until("relayd holds the parked alone", async () => (await connectionsOf(relay.process.pid)) === 16);
}, 300_000);

it(`${AT_ONCE} at once all pair`, async () => {
  const words = Array.from({ length: AT_ONCE }, (_, n) => `${n}`);
  expect(await Promise.all(words.map(exchange))).toEqual(words);
}, 300_000);
