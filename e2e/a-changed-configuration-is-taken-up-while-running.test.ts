import { rename } from "node:fs/promises";
import { join } from "node:path";
import { type FunctionFiles, meet, park, RunningRelay, refusalReason, until } from "@serverless-relay/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;
let yaml: string;

beforeEach(async () => {
  relay = await RunningRelay.start({ yaml: "routes: [{ between: [f1, f2] }]" });
  yaml = await relay.read("relayd.yaml");
  [f1, f2] = [await relay.issue("f1"), await relay.issue("f2")];
});

afterEach(() => relay.finish());

/** In one step, as an editor does it. */
async function configure(text: string): Promise<void> {
  await rename(await relay.write("relayd.yaml.new", text), join(relay.directory, "relayd.yaml"));
}

const withRoutes = (routes: string) => yaml.replace(/^routes: .*$/m, `routes: ${routes}`);

it("by itself: a static route that is gone refuses its parked, and its session runs on; new ones are there", async () => {
  const { ends, session } = await meet(relay, f1, f2);
  const waiting = await park(relay, f1, "f2");
  await configure(withRoutes("[{ between: [f2, f3] }]"));
  expect(refusalReason(await waiting.rest())).toBe("no_route");
  waiting.destroy();
  expect(await relay.control.listRoutes()).toMatchObject([{ f1: "f2", f2: "f3", source: "static" }]);
  expect(await relay.control.listSessions()).toMatchObject([{ id: session }]);
  ends[0].stream.end("to the last byte");
  expect(await ends[1].rest()).toBe("to the last byte");
  for (const end of ends) end.destroy();
});

it("on SIGHUP and by relayctl reload, with what was changed and what has to wait for a restart", async () => {
  await configure(`${yaml.replace("127.0.0.1:0", "127.0.0.1:1")}log: { level: debug }\n`);
  const { code, stdout } = await relay.relayctl("reload");
  expect(code).toBe(0);
  expect(stdout).toContain("waits for a restart: listen.shared");
  expect((await relay.relayctl("status")).stdout).toMatch(
    /^WARNING: changed in the configuration, and waits for a restart: listen\.shared$/m,
  );
  await configure(yaml);
  relay.process.kill("SIGHUP");
  await until("nothing waits for a restart any more", async () => (await relay.status()).reload.restart.length === 0);
});

it("an option that is changed keeps who is parked; a stored route that it had hidden comes back when it goes", async () => {
  const waiting = await park(relay, f1, "f2");
  await configure(withRoutes("[{ between: [f1, f2], maxSessions: 3 }]"));
  await relay.control.reload();
  expect(await relay.control.listRoutes()).toMatchObject([{ maxSessions: 3, parked: 1 }]);
  await configure(withRoutes("[]"));
  await relay.control.reload();
  expect(refusalReason(await waiting.rest())).toBe("no_route");
  waiting.destroy();
  await relay.control.addRoute({ f1: "f1", f2: "f2" });
  await configure(yaml);
  await relay.control.reload();
  expect(await relay.control.listRoutes()).toMatchObject([{ source: "static" }]);
  await configure(withRoutes("[]"));
  await relay.control.reload();
  expect(await relay.control.listRoutes()).toMatchObject([{ f1: "f1", f2: "f2", source: "dynamic" }]);
});

it("what a check finds is what a reload would do, and it does nothing", async () => {
  await configure(withRoutes("[]"));
  const [, check] = await Promise.all([
    relay.process.line(/"msg":"reloaded"/),
    relay.relayctl("config", "check", "other.yaml"),
  ]);
  expect(check.stderr).toMatch(/other\.yaml: no such file/);
  await relay.write("other.yaml", yaml);
  const found = await relay.relayctl("config", "check", "other.yaml");
  expect(found).toMatchObject({ code: 0, stdout: "good; a reload would change: routes\n" });
  expect(await relay.control.listRoutes()).toEqual([]);
});

it("a route's own listener comes and goes with it", async () => {
  await relay.stop();
  relay = await RunningRelay.start({ listen: "  perRoute: { ports: 21400-21409 }", yaml: "routes: []" });
  yaml = await relay.read("relayd.yaml");
  await configure(withRoutes("[{ between: [f1, f2], port: 21405 }]"));
  await relay.control.reload();
  expect(await relay.control.listRoutes()).toMatchObject([{ listener: { port: 21405, state: "up" } }]);
  await configure(withRoutes("[{ between: [f1, f2], port: 21406, protocol: bare }]"));
  await relay.control.reload();
  expect(await relay.control.listRoutes()).toMatchObject([
    { listener: { port: 21406, protocol: "bare", state: "up" } },
  ]);
  await configure(withRoutes("[]"));
  await relay.control.reload();
  expect((await relay.status()).listeners.map(({ name }) => name)).toEqual(["shared"]);
});
