import { existsSync } from "node:fs";
import { lstat, mkdir } from "node:fs/promises";
import { connect as dialTcp } from "node:net";
import { dirname, join } from "node:path";
import { ControlClient } from "@serverless-relay/control-api/client";
import { meet, type ReservedPorts, RunningRelay, reservePorts, until } from "@serverless-relay/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";

let ports: ReservedPorts;
let relay: RunningRelay;

beforeEach(async () => {
  ports = await reservePorts(3);
});

afterEach(async () => {
  await relay.discard();
  await ports.release();
});

/** The read-only control socket that is handed over; another one is configured. */
const lookSocket = () => join(relay.directory, "look.sock");

/** Prepares a relayd that systemd-socket-activate will start on these sockets; "SOCKET" is that of its control API, "LOOK" the read-only one. */
async function prepare(listen: readonly string[], names: string | null, config: { shared: number; perRoute?: string }) {
  const sockets = listen.flatMap((each) => ["--listen", each]);
  const under = ["systemd-socket-activate", ...sockets, ...(names === null ? [] : [`--fdname=${names}`])];
  relay = await RunningRelay.prepare({
    under: under,
    shared: `127.0.0.1:${config.shared}`,
    ...(config.perRoute && { listen: `  perRoute: { host: 127.0.0.1, ports: ${config.perRoute} }` }),
  });
  const places: Readonly<Record<string, string>> = { SOCKET: relay.socket, LOOK: lookSocket() };
  for (const [index, word] of under.entries()) under[index] = places[word] ?? word;
  await mkdir(dirname(relay.socket), { mode: 0o700 });
}

/** Starts it as a first connection does, to the shared port; that connection is not lost. */
async function activate(): Promise<void> {
  const booting = relay.boot();
  await relay.process.line(/^Listening on .*relayd\.sock as/);
  const first = dialTcp(ports.first, "127.0.0.1").on("error", () => {});
  await booting;
  first.destroy();
}

async function expectToServe(...wishes: Parameters<typeof meet>[3][]): Promise<void> {
  const { ends } = await meet(relay, await relay.issue("f1"), await relay.issue("f2"), ...wishes);
  for (const end of ends) end.destroy();
  expect(await relay.relayctl("status")).toMatchObject({ code: 0 });
  await relay.quiet();
}

it("by name: relayd serves there, whatever is configured, and leaves them as they are when it ends", async () => {
  // Nothing is bound to what is configured.
  await prepare([`127.0.0.1:${ports.first}`, "SOCKET"], "shared:control", { shared: ports.last });
  await activate();
  expect(relay.port).toBe(ports.first);
  await relay.control.addRoute({ f1: "f1", f2: "f2" });
  await expectToServe();
  expect(await relay.process.stop()).toBe(0);
  expect(existsSync(relay.socket)).toBe(true);
}, 30_000);

it("by address: the shared listener, the control socket and that of a route, which may be deleted and added again", async () => {
  const route = ports.first + 1;
  await prepare([`127.0.0.1:${ports.first}`, `127.0.0.1:${route}`, "SOCKET"], null, {
    shared: ports.first,
    perRoute: `${route}-${route}`,
  });
  await activate();
  const { ino } = await lstat(relay.socket);
  for (let round = 0; round < 2; round++) {
    await relay.control.addRoute({ f1: "f1", f2: "f2" });
    expect(await relay.control.listRoutes()).toMatchObject([{ listener: { port: route, state: "up" } }]);
    await expectToServe([{ port: route }, { port: route }]);
    await relay.control.deleteRoute("f1", "f2");
  }
  expect((await lstat(relay.socket)).ino).toBe(ino);
  expect(relay.process.lines.filter((line) => line.includes("handed over"))).toEqual([]);
  expect(await relay.process.stop()).toBe(0);
}, 30_000);

it("the read-only control socket: whoever monitors may look there, and change nothing; it stays when relayd ends", async () => {
  await prepare([`127.0.0.1:${ports.first}`, "SOCKET", "LOOK"], "shared:control:control-ro", { shared: ports.first });
  const control = "control: { socket: run/relayd.sock, readOnlySocket: look/configured.sock }";
  await relay.write("relayd.yaml", (await relay.read("relayd.yaml")).replace(/^control: .*$/m, control));
  await activate();
  const looking = new ControlClient({ socket: lookSocket() });
  expect(await looking.status()).toMatchObject({ pid: relay.process.pid });
  await expect(looking.addRoute({ f1: "f1", f2: "f2" })).rejects.toMatchObject({ code: "read_only" });
  expect(existsSync(join(relay.directory, "look", "configured.sock"))).toBe(false);
  expect(await relay.process.stop()).toBe(0);
  expect(existsSync(lookSocket())).toBe(true);
}, 30_000);

it("one that nothing asks for is named in the log, and does no harm", async () => {
  const stray = `127.0.0.1:${ports.last}`;
  await prepare([`127.0.0.1:${ports.first}`, "SOCKET", stray], "shared:control:surplus", { shared: ports.first });
  await activate();
  await relay.process.line(new RegExp(`surplus at ${stray}.*handed over that nothing in the configuration asks for`));
  await until("it serves", async () => (await relay.status()).state === "running");
  expect(await relay.process.stop()).toBe(0);
}, 30_000);
