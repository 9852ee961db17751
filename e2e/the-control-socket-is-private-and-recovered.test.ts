import { lstat, rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { dirname } from "node:path";
import { meet, type ReservedPorts, RunningRelay, reservePorts } from "@serverless-relay/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";

let ports: ReservedPorts;
let relay: RunningRelay;

beforeAll(async () => {
  ports = await reservePorts(2);
});

beforeEach(async () => {
  relay = await RunningRelay.start({
    listen: `  perRoute: { host: 127.0.0.1, ports: ${ports.range} }`,
    routes: [["f1", "f2"]],
  });
});

afterEach(() => relay.finish());

afterAll(() => ports.release());

const modeOf = async (path: string) => ((await lstat(path)).mode & 0o777).toString(8);

async function expectToServe(): Promise<void> {
  const { ends } = await meet(relay, await relay.issue("f1"), await relay.issue("f2"));
  for (const end of ends) end.destroy();
  expect(await relay.relayctl("status")).toMatchObject({ code: 0 });
}

it("is of mode 0600 in a directory of mode 0700, and is gone with relayd", async () => {
  expect((await lstat(relay.socket)).isSocket()).toBe(true);
  expect([await modeOf(relay.socket), await modeOf(dirname(relay.socket))]).toEqual(["600", "700"]);
  await relay.halt();
  await expect(lstat(relay.socket)).rejects.toMatchObject({ code: "ENOENT" });
  await relay.boot();
});

it("is recovered after kill -9", async () => {
  await relay.crash();
  expect((await lstat(relay.socket)).isSocket()).toBe(true);
  const absent = await relay.relayctl("status");
  expect(absent).toMatchObject({ code: 69, stderr: expect.stringContaining("nobody listens there") });
  await relay.boot();
  expect([await modeOf(relay.socket), await modeOf(dirname(relay.socket))]).toEqual(["600", "700"]);
  await expectToServe();
});

it("is not taken from a relayd that runs: the second one says so and exits with 69, the first goes on", async () => {
  const { listeners } = await relay.status();
  const second = await relay.relayd("--config", "relayd.yaml");
  expect(second.stderr).toBe(
    `control.socket ${relay.socket}: another relayd is running on it; stop that one, or choose another path\n`,
  );
  expect(second.code).toBe(69);
  expect(await relay.status()).toMatchObject({ pid: relay.process.pid, listeners });
  await expectToServe();
});

it("is not taken from another program, nor is a file of another kind removed", async () => {
  await relay.halt();
  await relay.write("run/relayd.sock", "not a socket");
  const { code, stderr } = await relay.relayd("--config", "relayd.yaml");
  expect(stderr).toBe(`control.socket ${relay.socket}: is there and is no socket; move it, or choose another path\n`);
  expect(code).toBe(69);
  expect(await relay.read("run/relayd.sock")).toBe("not a socket");
  await rm(relay.socket);
  await relay.boot();
});

it("answers what is not HTTP, and does not mind who breaks off", async () => {
  const garbage = createConnection(relay.socket);
  garbage.write("hello?\r\n\r\n");
  let answer = "";
  for await (const chunk of garbage) answer += String(chunk);
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  const rude = createConnection(relay.socket);
  rude.write("GET /v1/events HTTP/1.1\r\nHost: relayd\r\n\r\n", () => rude.destroy());
  await expectToServe();
});
