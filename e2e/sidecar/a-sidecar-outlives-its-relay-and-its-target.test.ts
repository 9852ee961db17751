import { join } from "node:path";
import { type ReservedPorts, Running, reservePorts, runCommand, Sidecars } from "@serverless-relay/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";

let sidecars: Sidecars;
let ports: ReservedPorts;
let redis: Running;

beforeEach(async () => {
  ports = await reservePorts(1);
  sidecars = await Sidecars.start({ port: ports.first });
  redis = await startRedis();
});

afterEach(async () => {
  await redis.stop();
  await sidecars.finish();
  await ports.release();
});

const real = (): string => join(sidecars.relay.directory, "redis.sock");
const forwarded = (): string => join(sidecars.relay.directory, "f2.sock");

async function startRedis(): Promise<Running> {
  const args = ["--port", "0", "--unixsocket", real(), "--save", "", "--dir", sidecars.relay.directory];
  const server = Running.startCommand("redis-server", args);
  await server.line(/[Rr]eady to accept connections/);
  return server;
}

async function ping(): Promise<string> {
  const { stdout, stderr } = await runCommand("redis-cli", ["-s", forwarded(), "PING"], { timeoutMs: 50_000 });
  return (stdout + stderr).trim();
}

it("its relay's: who connects while it is away only waits for it", async () => {
  const exposing = await sidecars.expose(`unix:${real()}`);
  const { sidecar: forwarding } = await sidecars.forward(`unix:${forwarded()}`);
  expect(await ping()).toBe("PONG");
  await sidecars.relay.crash();
  await exposing.line(/not parked at the relay/);
  const early = ping();
  await forwarding.line(/not connected yet/);
  await sidecars.relay.boot();
  expect(await early).toBe("PONG");
  expect(await ping()).toBe("PONG");
});

it("its target's: who connects while it is away is told, who comes later is served", async () => {
  const exposing = await sidecars.expose(`unix:${real()}`);
  await sidecars.forward(`unix:${forwarded()}`);
  expect(await ping()).toBe("PONG");
  const client = Running.startCommand("redis-cli", ["-s", forwarded(), "--no-raw", "SUBSCRIBE", "news"]);
  await client.line(/subscribe/);
  await redis.stop("SIGKILL");
  await client.line(/closed/);
  await client.stop();
  expect(await ping()).toMatch(/^Error: /);
  await exposing.line(/the target was not reached/);
  redis = await startRedis();
  expect(await ping()).toBe("PONG");
});
