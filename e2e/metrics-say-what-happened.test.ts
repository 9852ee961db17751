import { type FunctionFiles, meet, OuterClient, park, RunningRelay, until } from "@serverless-relay/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;
let address: string;

beforeEach(async () => {
  relay = await RunningRelay.start({
    routes: [["f1", "f2"]],
    drain: "60s",
    yaml: 'metrics: { listen: "127.0.0.1:0" }',
  });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
  const line = await relay.process.line(/"listener":"metrics"/);
  address = `http://127.0.0.1:${(JSON.parse(line) as { port: number }).port}`;
});
afterEach(() => relay.stop());

async function get(path: string): Promise<[number, string]> {
  const response = await fetch(`${address}${path}`, { headers: { connection: "close" } });
  return [response.status, await response.text()];
}

/** The value of a series; undefined if there is none. */
async function metric(series: string): Promise<number | undefined> {
  const [, text] = await get("/metrics");
  const line = text.split("\n").find((line) => line.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

it("from admission to the end of a session, with all that was relayed", async () => {
  expect(await metric("relayd_sessions_total")).toBe(0);
  const { ends } = await meet(relay, f1, f2, [{}, { transport: "tls" }]);
  expect(await metric('relayd_admitted_total{transport="raw"}')).toBe(1);
  expect(await metric('relayd_admission_seconds_count{transport="tls"}')).toBe(1);
  expect(await metric('relayd_parked_seconds_count{outcome="paired"}')).toBe(1);
  expect(await metric("relayd_sessions")).toBe(1);

  ends[0].stream.end("twelve bytes");
  expect(await ends[1].rest()).toBe("twelve bytes");
  ends[1].stream.end("seven!!");
  expect(await ends[0].rest()).toBe("seven!!");
  await relay.logged("ended");
  expect(await metric('relayd_sessions_ended_total{reason="completed"}')).toBe(1);
  expect(await metric("relayd_sessions")).toBe(0);
  expect(await metric("relayd_relayed_bytes_total")).toBe(19);
  for (const end of ends) end.destroy();
});

it("of who was refused, by the same word that the caller was told", async () => {
  const f3 = await relay.issue("f3");
  const stranger = await OuterClient.dial(relay.port, f3);
  stranger.request("CONNECT f2:443 HTTP/1.1\r\nHost: f2:443\r\n\r\n");
  expect(await stranger.answer()).toContain("reason=no_route");
  stranger.destroy();
  expect(await metric('relayd_refused_total{reason="no_route"}')).toBe(1);

  const waiting = await park(relay, f1, "f2");
  expect(await metric("relayd_parked")).toBe(1);
  waiting.destroy();
  await relay.logged("departed");
  expect(await metric("relayd_departed_total")).toBe(1);
  expect(await metric("relayd_parked")).toBe(0);
});

it("of what the splice threads do, and never a function's name", async () => {
  const before = (await metric('relayd_splice_turn_seconds_count{thread="splice-0"}')) ?? 0;
  const { ends } = await meet(relay, f1, f2);
  ends[0].stream.write("x".repeat(100_000));
  await until("a splice thread has carried it", async () => (await metric("relayd_relayed_bytes_total")) === 100_000);
  expect(await metric('relayd_splice_turn_seconds_count{thread="splice-0"}')).toBeGreaterThan(before);
  expect(await metric('relayd_pipes{thread="splice-0"}')).toBeGreaterThan(0);
  const [, text] = await get("/metrics");
  expect(text).not.toMatch(/\bf[12]\b/);
  for (const end of ends) end.destroy();
});

it("and whether it is ready: not while it drains, though it is healthy", async () => {
  expect(await get("/readyz")).toEqual([200, "ready\n"]);
  const { ends } = await meet(relay, f1, f2);
  relay.process.kill("SIGTERM");
  await relay.process.line(/"msg":"stopping"/);
  expect(await get("/readyz")).toEqual([503, "draining: nobody is admitted any more\n"]);
  expect(await get("/healthz")).toEqual([200, "ok\n"]);
  expect(await metric("relayd_draining")).toBe(1);
  expect(await metric("relayd_sessions")).toBe(1);
  for (const end of ends) end.destroy();
  expect(await relay.process.ended).toBe(0);
});
