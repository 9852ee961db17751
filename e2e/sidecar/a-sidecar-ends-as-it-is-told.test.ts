import { once } from "node:events";
import { type Running, readAll, Sidecars, until } from "@serverless-relay/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";
import { dial, endOf, startTarget, type Target } from "./target.ts";

let sidecars: Sidecars;
let target: Target;

beforeEach(async () => {
  [sidecars, target] = await Promise.all([Sidecars.start(), startTarget()]);
});

afterEach(async () => {
  await target.stop();
  await sidecars.finish();
});

/** Where the probes of a sidecar that was started with `--health 127.0.0.1:0` are answered. */
async function probe(sidecar: Running): Promise<(path: string) => Promise<string>> {
  const line = await sidecar.line(/"health":/);
  const address = /"health":"([^"]+)"/.exec(line)?.[1];
  return async (path) => {
    const response = await fetch(`http://${address}${path}`, { headers: { connection: "close" } });
    return `${response.status} ${(await response.text()).trim()}`;
  };
}

it("SIGTERM: nothing new, and what is there goes on until it ends", async () => {
  const exposing = await sidecars.expose(target.address);
  const { sidecar: forwarding, port } = await sidecars.forward();
  const [local, remote] = [await dial({ port }), await target.next()];
  for (const sidecar of [exposing, forwarding]) sidecar.kill("SIGTERM");
  await until("nothing is parked", async () => (await sidecars.relay.control.listParked()).length === 0);
  await until("nobody listens", () =>
    dial({ port }).then(
      (socket) => socket.destroy() === null,
      () => true,
    ),
  );
  local.end("last words");
  expect(String(await readAll(remote))).toBe("last words");
  remote.end("and an answer");
  expect(String(await readAll(local))).toBe("and an answer");
  expect(await Promise.all([exposing.ended, forwarding.ended])).toEqual([0, 0]);
});

it.each([
  ["the drain timeout", ["--drain-timeout", "200ms"], 1],
  ["a second SIGTERM", [], 2],
] as const)("%s breaks off what is left", async (_what, args, signals) => {
  await sidecars.expose(target.address);
  const { sidecar, port } = await sidecars.forward("127.0.0.1:0", { args });
  const [local, remote] = [await dial({ port }), await target.next()];
  remote.write("beginning");
  const ends = Promise.all([endOf(local), endOf(remote)]);
  await once(local, "data");
  sidecar.kill("SIGTERM");
  await sidecar.line(/"msg":"stopping"/);
  if (signals === 2) sidecar.kill("SIGTERM");
  expect(await ends).toEqual(["reset", "reset"]);
  expect(await sidecar.ended).toBe(0);
});

it("who still waits for the peer when it stops is sent away", async () => {
  const { sidecar, port } = await sidecars.forward();
  const local = await dial({ port });
  await until("it is parked", async () => (await sidecars.relay.control.listParked()).length === 1);
  sidecar.kill("SIGTERM");
  expect(await endOf(local)).toBe("reset");
  expect(await sidecar.ended).toBe(0);
});

it("probes: alive in any case, ready while its relay is there", async () => {
  const options = { args: ["--health", "127.0.0.1:0"] };
  const exposing = await probe(await sidecars.expose(target.address, options));
  const { sidecar } = await sidecars.forward("127.0.0.1:0", options);
  const forwarding = await probe(sidecar);
  for (const ask of [exposing, forwarding]) {
    expect(await ask("/healthz")).toBe("200 ok");
    expect(await ask("/readyz")).toBe("200 ready");
    expect(await ask("/metrics")).toMatch(/^404 /);
  }
  await sidecars.relay.crash();
  for (const ask of [exposing, forwarding]) {
    await until("it is not ready", async () => /^503 .*relay localhost:/.test(await ask("/readyz")));
    expect(await ask("/healthz")).toBe("200 ok");
  }
  await sidecars.relay.boot();
});
