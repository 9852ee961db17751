import { type FunctionFiles, Running, RunningRelay } from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;
let plainPort: number;

beforeAll(async () => {
  relay = await RunningRelay.start({
    listen: `  perRoute: { ports: 21000-21099, protocol: plain }`,
    routes: [["f1", "f2"]],
  });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
  const [route] = await relay.control.listRoutes();
  plainPort = route?.listener?.port ?? 0;
});

afterAll(() => relay.stop());

/** Starts a function; `mode` is unset where it is null. */
function start(mode: string | null, port: number, own: FunctionFiles, peer: string, message: string): Running {
  return Running.start("test-function", [], {
    env: {
      MODE: mode ?? "", // vitest sets one of its own
      TARGET: `127.0.0.1:${port}`,
      PEER: peer,
      MESSAGE: message,
      FUNCTION_CERT: own.certFile,
      FUNCTION_KEY: own.keyFile,
      FUNCTION_CA: own.caFile,
      ROUNDS: "2",
      INTERVAL: "10ms",
    },
  });
}

/** Both functions, in the order given; the second is started when the relay has admitted the first. */
async function meet(startFirst: () => Running, startSecond: () => Running): Promise<[Running, Running]> {
  const { admitted } = await relay.status();
  const first = startFirst();
  await expect.poll(async () => (await relay.status()).admitted, { timeout: 10_000 }).toBe(admitted + 1);
  const second = startSecond();
  expect([await first.ended, await second.ended]).toEqual([0, 0]);
  return [first, second];
}

function got({ lines }: Running, message: string): number {
  return lines.filter((line) => line.includes(`got "${message}"`)).length;
}

describe("through the shared listener, the outer TLS taken off,", () => {
  const client = () => start("flock_tls_client", relay.port, f1, "f2", "ping");
  const server = () => start("flock_tls_server", relay.port, f2, "f1", "pong");

  it.each([
    ["the server comes first", server, client],
    ["the client comes first", client, server],
  ])("%s", async (_order, startFirst, startSecond) => {
    const both = await meet(startFirst, startSecond);
    expect(both.map((one) => got(one, "ping") + got(one, "pong"))).toEqual([2, 2]);
    for (const { lines } of both) expect(lines.join("\n")).toMatch(/verified f[12] .*TLSv1\.3/);
    await relay.logged("ended", { reason: "completed" });
  });
});

describe("through a plain listener of the route, with TLS of their own,", () => {
  const client = () => start("tls_client", plainPort, f1, "f2", "ping");
  const server = () => start("tls_server", plainPort, f2, "f1", "pong");

  it.each([
    ["the server comes first", server, client],
    ["the client comes first", client, server],
  ])("%s", async (_order, startFirst, startSecond) => {
    const both = await meet(startFirst, startSecond);
    expect(both.map((one) => got(one, "ping") + got(one, "pong"))).toEqual([2, 2]);
  });
});

it("plain TCP through a plain listener carries what both say", async () => {
  const both = await meet(
    () => start(null, plainPort, f1, "f2", "one"),
    () => start(null, plainPort, f2, "f1", "other"),
  );
  expect(got(both[0], "other")).toBe(2);
  expect(got(both[1], "one")).toBe(2);
});

it("a refusal ends a function with the relay's reason", async () => {
  const stranger = await relay.issue("stranger");
  const refused = start("flock_tls_client", relay.port, stranger, "f2", "hello");
  expect(await refused.ended).toBe(1);
  expect(refused.lines.join("\n")).toMatch(/refused: 403 no_route/);
});
