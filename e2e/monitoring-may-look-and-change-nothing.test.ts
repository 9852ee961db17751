import { chmod, lstat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ControlClient } from "@serverless-relay/control-api/client";
import { RunningRelay, runCommand } from "@serverless-relay/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";

/** nogroup of Debian, of which user 65534 (nobody) is */
const GROUP = 65534;
const URL = "http://relayd/v1/status";
const isRoot = process.getuid?.() === 0;

let relay: RunningRelay;
let socket: string;
let looking: ControlClient;

beforeEach(async () => {
  relay = await RunningRelay.prepare({ yaml: "audit: { file: audit.ndjson }" });
  const group = isRoot ? GROUP : (process.getgid?.() ?? 0);
  const control = `control: { socket: run/relayd.sock, readOnlySocket: look/relayd.sock, readOnlyGroup: ${group} }`;
  await relay.write("relayd.yaml", (await relay.read("relayd.yaml")).replace(/^control: .*$/m, control));
  await relay.boot();
  socket = join(relay.directory, "look", "relayd.sock");
  looking = new ControlClient({ socket });
});
afterEach(async () => {
  await relay.finish();
  await expect(lstat(socket)).rejects.toMatchObject({ code: "ENOENT" });
});

it("sees what there is, by a socket of its own", async () => {
  await relay.control.addRoute({ f1: "f1", f2: "f2" });
  expect(await looking.listRoutes()).toEqual(await relay.control.listRoutes());
  expect(await looking.status()).toMatchObject({ pid: relay.process.pid });
});

it("is told no to whatever would change something, and that is in the audit log", async () => {
  await expect(looking.addRoute({ f1: "f1", f2: "f2" })).rejects.toMatchObject({ code: "read_only" });
  await expect(looking.killSession("any")).rejects.toMatchObject({ code: "read_only" });
  await expect(looking.deleteRoute("f1", "f2")).rejects.toMatchObject({
    message: "nothing can be changed by this socket; use the one in control.socket",
  });
  expect(await relay.control.listRoutes()).toEqual([]);
  await expect.poll(() => relay.read("audit.ndjson")).toMatch(/"change":"deleteRoute".*"error":"read_only"/);
});

it("is a group's, and nobody else's", async () => {
  const { mode, gid } = await lstat(socket);
  expect((mode & 0o777).toString(8)).toBe("660");
  if (isRoot) expect(gid).toBe(GROUP);
  expect(((await lstat(dirname(socket))).mode & 0o077).toString(8)).toBe("55");
});

it.runIf(isRoot)("lets another user of the group look, who cannot open the control socket", async () => {
  await chmod(relay.directory, 0o755);
  const as = (uid: number, path: string) =>
    runCommand("setpriv", [`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "curl", "--unix-socket", path, URL]);
  const seen = await as(GROUP, socket);
  expect(JSON.parse(seen.stdout)).toMatchObject({ pid: relay.process.pid });
  expect(await as(GROUP, relay.socket)).toMatchObject({ code: 7, stdout: "" });
  expect(await as(GROUP - 1, socket)).toMatchObject({ code: 7, stdout: "" });
});

it("has a group that there is, and a place that its members can get to, or relayd does not start", async () => {
  const text = await relay.read("relayd.yaml");
  const check = async (control: string) => {
    await relay.write("wrong.yaml", text.replace(/^control: .*$/m, `control: { socket: run/relayd.sock, ${control} }`));
    return relay.relayd("--check", "--config", "wrong.yaml");
  };
  const unknown = await check("readOnlySocket: look/relayd.sock, readOnlyGroup: no-such-group");
  expect(unknown.stderr).toMatch(/control\.readOnlyGroup no-such-group: is no group of \/etc\/group; /);
  const beside = await check("readOnlySocket: run/look.sock, readOnlyGroup: 0");
  expect(beside.stderr).toMatch(/control\.readOnlySocket .*: is where only relayd's own user may enter/);
  const nowhere = await check("readOnlyGroup: 0");
  expect(nowhere.stderr).toMatch(/control\.readOnlyGroup 0: has no socket; /);
  for (const { code } of [unknown, beside, nowhere]) expect(code).toBe(78);
});
