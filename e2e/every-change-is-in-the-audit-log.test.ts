import { X509Certificate } from "node:crypto";
import { lstat, rename } from "node:fs/promises";
import { join } from "node:path";
import { type FunctionFiles, meet, OuterClient, park, RunningRelay, until } from "@serverless-relay/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";

type Entry = Record<string, unknown>;

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeEach(async () => {
  relay = await RunningRelay.start({ routes: [["f1", "f2"]], yaml: "audit: { file: audit/audit.ndjson }" });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
});
afterEach(() => relay.finish());

async function entries(file = "audit/audit.ndjson"): Promise<Entry[]> {
  const text = await relay.read(file);
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Entry);
}

/** The first entry, there already or yet to come, with these fields. */
function entry(fields: Entry, file?: string): Promise<Entry> {
  const shown = JSON.stringify(fields);
  return until(`the audit log says ${shown}`, async () =>
    (await entries(file)).find((entry) => Object.entries(fields).every(([key, value]) => entry[key] === value)),
  );
}

const caller = { uid: process.getuid?.(), gid: process.getgid?.(), pid: expect.any(Number) as number };

it("by whom, as the kernel knows, and how it was answered, though it was refused", async () => {
  expect((await relay.relayctl("route", "add", "f1", "f3")).code).toBe(0);
  expect(await entry({ change: "addRoute", status: 201, error: null })).toMatchObject({ event: "change", caller });
  expect((await relay.relayctl("route", "delete", "f1", "nobody")).code).toBe(1);
  expect(await entry({ change: "deleteRoute" })).toMatchObject({
    caller,
    asked: { f1: "f1", f2: "nobody", kill: false },
    status: 404,
    error: "route_not_found",
  });
  const { ends, session } = await meet(relay, f1, f2);
  const broken = Promise.all(ends.map((end) => end.broken()));
  await relay.control.killSession(session);
  await broken;
  expect(await entry({ change: "killSession" })).toMatchObject({ caller, asked: { id: session }, status: 200 });
  expect(await entry({ event: "ended", session })).toMatchObject({ reason: "killed" });
  for (const end of ends) end.destroy();
});

it("and so is who was admitted, paired with whom, how much they sent, and how it ended", async () => {
  const { ends, session } = await meet(relay, f1, f2);
  const addresses = ends.map(({ address }) => address);
  ends[0].stream.end("twelve bytes");
  expect(await ends[1].rest()).toBe("twelve bytes");
  ends[1].stream.end();
  await ends[0].rest();
  const ended = await entry({ event: "ended", session });
  expect(ended).toMatchObject({ names: ["f1", "f2"], bytes: [12, 0], reason: "completed" });
  const admitted = await entry({ event: "admitted", name: "f1" });
  expect(admitted).toMatchObject({
    peer: "f2",
    route: ["f1", "f2"],
    address: addresses[0],
    certificate: `sha256:${new X509Certificate(f1.cert).fingerprint256.replaceAll(":", "").toLowerCase()}`,
  });
  const paired = await entry({ event: "paired", session });
  expect(paired).toMatchObject({
    ends: [
      { connection: admitted.connection, name: "f1", address: addresses[0] },
      { name: "f2", address: addresses[1] },
    ],
  });
  for (const end of ends) end.destroy();
});

it("and who tried what it may not, but not who has no certificate to show", async () => {
  const f3 = await relay.issue("f3");
  const stranger = await OuterClient.dial(relay.port, f3);
  stranger.request("CONNECT f2:443 HTTP/1.1\r\nHost: f2:443\r\n\r\n");
  await stranger.answer();
  stranger.destroy();
  expect(await entry({ event: "refused", reason: "no_route" })).toMatchObject({ names: ["f3"], peer: "f2" });
  const nobody = await OuterClient.dial(relay.port, { ca: f1.ca });
  nobody.request("CONNECT f2:443 HTTP/1.1\r\nHost: f2:443\r\n\r\n");
  await nobody.answer();
  nobody.destroy();
  await relay.logged("refused", { reason: "certificate_missing" });
  const parked = await park(relay, f1, "f2");
  parked.destroy();
  await entry({ event: "departed", name: "f1" });
  expect((await entries()).filter(({ reason }) => reason === "certificate_missing")).toEqual([]);
});

it("is nobody else's to read, and moves to a new file at SIGUSR1", async () => {
  const file = join(relay.directory, "audit", "audit.ndjson");
  expect(((await lstat(file)).mode & 0o777).toString(8)).toBe("600");
  await rename(file, `${file}.1`);
  await relay.control.addRoute({ f1: "a", f2: "old" });
  await entry({ change: "addRoute" }, "audit/audit.ndjson.1");
  relay.process.kill("SIGUSR1");
  await relay.process.line(/"msg":"the audit log was opened anew"/);
  await relay.control.addRoute({ f1: "a", f2: "new" });
  expect(await entry({ change: "addRoute" })).toMatchObject({ asked: { f1: "a", f2: "new" } });
  expect(await entries("audit/audit.ndjson.1")).toContainEqual(
    expect.objectContaining({ asked: { f1: "a", f2: "old" } }),
  );
});

it("knows a reload that no request asked for, too", async () => {
  const yaml = await relay.read("relayd.yaml");
  await relay.write("relayd.yaml", `${yaml}\nroutes: [{ between: [new, route] }]`);
  relay.process.kill("SIGHUP");
  expect(await entry({ change: "reloaded" })).toMatchObject({ caller: null, changed: ["routes"] });
});

it("says that relayd began and ended, and that it was told to", async () => {
  const { pid } = relay.process;
  await relay.halt();
  const all = await entries();
  expect(all[0]).toMatchObject({ event: "started", pid, config: join(relay.directory, "relayd.yaml") });
  expect(all.slice(-2)).toMatchObject([{ change: "drain", caller: null, signal: "SIGTERM" }, { event: "stopped" }]);
  await relay.boot();
});

it("is not lost in silence where the disk is full: the log and the metrics tell", async () => {
  await relay.halt();
  const yaml = await relay.read("relayd.yaml");
  const full = 'audit: { file: /dev/full }\nmetrics: { listen: "127.0.0.1:0" }';
  await relay.write("relayd.yaml", yaml.replace("audit: { file: audit/audit.ndjson }", full));
  await relay.boot();
  expect(JSON.parse(await relay.process.line(/"msg":"the audit log cannot be written/))).toMatchObject({
    level: "error",
    audit: "/dev/full",
    why: expect.stringContaining("ENOSPC") as string,
  });
  const { port } = JSON.parse(await relay.process.line(/"listener":"metrics"/)) as { port: number };
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { connection: "close" } });
  expect(await response.text()).toMatch(/^relayd_audit_failing 1$/m);
  const { ends } = await meet(relay, f1, f2); // and nobody is kept from meeting by it
  for (const end of ends) end.destroy();
});

it("must be possible to write, or relayd does not start", async () => {
  await relay.write("wrong.yaml", (await relay.read("relayd.yaml")).replace("audit/audit.ndjson", "."));
  const { code, stderr } = await relay.relayd("--config", "wrong.yaml");
  expect(stderr).toMatch(/^wrong\.yaml:\d+:\d+ audit\.file .*: is a directory; name a file\n$/);
  expect(code).toBe(78);
});
