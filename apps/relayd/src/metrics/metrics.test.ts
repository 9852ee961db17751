import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AuditLog } from "../audit/audit-log.ts";
import { recordingLog, STATUS, TIME } from "../control/control.test-support.ts";
import type { DaemonEvent } from "../daemon-event.ts";
import { wakingReading } from "../wake/waking-reading.ts";
import { type Exposed, readExposition } from "./exposition.test-support.ts";
import { Metrics } from "./metrics.ts";

const seen = { connection: "c1", address: "127.0.0.1:5000" };
const place = { route: ["f1", "f2"], channel: "443" } as const;
const wanted = { ...place, name: "f2", peer: "f1" } as const;
const certificates = [
  { use: "ca", file: "ca.pem", subject: "CN=late", notAfter: "2027-01-01T00:00:00.000Z", daysLeft: 1, warning: null },
  { use: "ca", file: "ca.pem", subject: "CN=soon", notAfter: TIME, daysLeft: 1, warning: null },
] as const;

let status = STATUS;
let metrics: Metrics;
let audit: AuditLog;
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "relayd-metrics-"));
  audit = await AuditLog.open(join(directory, "audit.ndjson"), recordingLog().log);
  status = { ...STATUS, parked: 3, sessions: { live: 2, total: 9 }, bytes: 4096, certificates: [...certificates] };
  const turns = { bounds: [0.001, 0.1], counts: [5, 2, 1], seconds: 0.75 };
  const others = [...audit.readings(), wakingReading({ size: 2 })];
  metrics = new Metrics({ status: () => status, threads: () => [{ pipes: 7, turns }], others });
});
afterEach(async () => {
  metrics.close();
  await audit.close();
  await rm(directory, { recursive: true });
});

const exposed = async (): Promise<Exposed> => readExposition(await metrics.text());

/** One of each kind, or of each shape where a kind has several. */
const EVENTS: readonly DaemonEvent[] = [
  { event: "admitted", ...seen, ...place, name: "f1", peer: "f2", certificate: null, transport: "raw", durationMs: 3 },
  { event: "refused", ...seen, reason: "no_route", names: ["f1"], peer: "f2", durationMs: 4_000 },
  { event: "refused", ...seen, reason: "peer_timeout", names: ["f1"], peer: "f2", parked: true, durationMs: 60_000 },
  { event: "dropped", ...seen, reason: "client_gone", names: [], durationMs: 1 },
  { event: "departed", ...seen, ...place, name: "f1", durationMs: 200 },
  { event: "paired", session: "s1", ...place, ends: [] as never, waitedMs: 1_500 },
  {
    event: "ended",
    session: "s1",
    ...place,
    reason: "reset",
    by: "f1",
    names: ["f1", "f2"],
    bytes: [1, 2],
    durationMs: 90_000,
  },
  { event: "wake", ...wanted, outcome: "rejected", target: "https://f2.example/", id: "1", status: 503, durationMs: 5 },
  { event: "woken", ...wanted, requests: 2, afterMs: 1_500 },
];

const limited = (event: DaemonEvent, limit: string): DaemonEvent => Object.assign({ ...event }, { limit });

describe("the metrics", () => {
  it("count what happens, by reason", async () => {
    for (const event of EVENTS) metrics.count(event);
    metrics.count(EVENTS[0] as DaemonEvent);
    const { value } = await exposed();
    expect(value('relayd_admitted_total{transport="raw"}')).toBe(2);
    expect(value('relayd_refused_total{reason="no_route"}')).toBe(1);
    expect(value('relayd_refused_total{reason="peer_timeout"}')).toBe(1);
    expect(value('relayd_dropped_total{reason="client_gone"}')).toBe(1);
    expect(value("relayd_departed_total")).toBe(1);
    expect(value("relayd_sessions_total")).toBe(1);
    expect(value('relayd_sessions_ended_total{reason="reset"}')).toBe(1);
    expect(value('relayd_wakes_total{outcome="rejected"}')).toBe(1);
  });

  it("know how long it took", async () => {
    for (const event of EVENTS) metrics.count(event);
    const { value } = await exposed();
    expect(value('relayd_admission_seconds_bucket{le="0.0025",transport="raw"}')).toBe(0);
    expect(value('relayd_admission_seconds_bucket{le="0.005",transport="raw"}')).toBe(1);
    expect(value('relayd_parked_seconds_sum{outcome="refused"}')).toBe(60);
    expect(value('relayd_parked_seconds_sum{outcome="departed"}')).toBe(0.2);
    expect(value('relayd_parked_seconds_sum{outcome="paired"}')).toBe(1.5);
    expect(value("relayd_session_seconds_sum")).toBe(90);
    expect(value("relayd_woken_seconds_sum")).toBe(1.5);
  });

  it("say 0 of what has not happened yet, so that the first time is an increase", async () => {
    const { value } = await exposed();
    expect(value('relayd_refused_total{reason="certificate_revoked"}')).toBe(0);
    expect(value('relayd_dropped_total{reason="handshake_timeout"}')).toBe(0);
    expect(value('relayd_sessions_ended_total{reason="idle_timeout"}')).toBe(0);
    expect(value('relayd_parked_seconds_count{outcome="departed"}')).toBe(0);
  });

  it("name the limit that was met, by its key in the configuration", async () => {
    const full = { event: "refused", ...seen, reason: "full", names: [], peer: null, durationMs: 1 } as const;
    metrics.count(limited(full, "connections"));
    metrics.count(limited(full, "connections"));
    const { value } = await exposed();
    expect(value('relayd_refused_total{reason="full",limit="connections"}')).toBe(2);
    expect(value('relayd_refused_total{reason="full"}')).toBe(0);
  });

  it("show how the relay is, as status does, at the moment of the scrape", async () => {
    expect((await exposed()).value("relayd_parked")).toBe(3);
    status = { ...status, parked: 1, state: "draining", splice: "kernel" };
    const { value } = await exposed();
    expect(value("relayd_parked")).toBe(1);
    expect(value("relayd_waking")).toBe(2);
    expect(value("relayd_sessions")).toBe(2);
    expect(value("relayd_relayed_bytes_total")).toBe(4096);
    expect(value("relayd_draining")).toBe(1);
    expect(value("relayd_splice_kernel")).toBe(1);
    expect(value('relayd_certificate_expiry_timestamp_seconds{use="ca"}')).toBe(Date.parse(TIME) / 1000);
  });

  it("say whether the last reload was good, how many were, and whether a restart is waited for", async () => {
    const reload = {
      lastAt: TIME,
      trigger: "change",
      ok: false,
      problems: ["bad"],
      restart: ["listen.shared"],
      good: 2,
      bad: 1,
    } as const;
    status = { ...status, reload: { ...reload, problems: [...reload.problems], restart: [...reload.restart] } };
    const { value } = await exposed();
    expect(value("relayd_config_last_reload_successful")).toBe(0);
    expect(value('relayd_config_reloads_total{result="good"}')).toBe(2);
    expect(value('relayd_config_reloads_total{result="bad"}')).toBe(1);
    expect(value("relayd_config_restart_needed")).toBe(1);
  });

  it("show the turns and pipes of each splice thread", async () => {
    const { value } = await exposed();
    expect(value('relayd_splice_turn_seconds_bucket{le="0.001",thread="splice-0"}')).toBe(5);
    expect(value('relayd_splice_turn_seconds_bucket{le="0.1",thread="splice-0"}')).toBe(7);
    expect(value('relayd_splice_turn_seconds_bucket{le="+Inf",thread="splice-0"}')).toBe(8);
    expect(value('relayd_splice_turn_seconds_count{thread="splice-0"}')).toBe(8);
    expect(value('relayd_splice_turn_seconds_sum{thread="splice-0"}')).toBe(0.75);
    expect(value('relayd_pipes{thread="splice-0"}')).toBe(7);
  });

  it("notice that the main thread's loop was held up", async () => {
    await expect.poll(async () => (await exposed()).value("relayd_loop_delay_seconds_count")).toBeGreaterThan(0);
    const until = performance.now() + 300;
    while (performance.now() < until); // nothing else can happen meanwhile
    const late = async () => {
      const { value } = await exposed();
      return (
        Number(value("relayd_loop_delay_seconds_count")) - Number(value('relayd_loop_delay_seconds_bucket{le="0.25"}'))
      );
    };
    await expect.poll(late).toBeGreaterThan(0);
  });

  it("know the process's open files and their limit", async () => {
    const { value } = await exposed();
    expect(value("process_open_fds")).toBeGreaterThan(2);
    expect(value("process_max_fds")).toBeGreaterThan(value("process_open_fds") ?? Number.NaN);
    expect(value("process_resident_memory_bytes")).toBeGreaterThan(1_000_000);
  });
});

describe("docs/metrics.md", () => {
  it("has every metric that is served, with its type and labels, and no other", async () => {
    for (const event of EVENTS) metrics.count(event);
    for (const event of EVENTS) metrics.count(limited(event, "connections"));
    const { types, labels } = await exposed();
    const served = [...types].map(([name, type]) => row(name, type, [...(labels.get(name) ?? [])]));
    const text = await readFile(new URL("../../../../docs/metrics.md", import.meta.url), "utf8");
    const rows = [...text.matchAll(/^\| `(\w+)` +\| (counter|gauge|histogram) +\| ([^|]*)\|/gm)];
    const documented = rows.map(([, name = "", type = "", list = ""]) => row(name, type, list.match(/\w+/g) ?? []));
    expect(new Set(documented)).toEqual(new Set(served));
  });
});

function row(name: string, type: string, labels: readonly string[]): string {
  return `${name} ${type} {${[...labels].sort((one, other) => one.localeCompare(other)).join(",")}}`;
}
