/** What a run found, as plain data: what the JSON file holds, and what table and chart are made of. */
import { execFileSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import type { Measured } from "./columns.ts";
import type { Plan } from "./plan.ts";
import type { Row } from "./run.ts";

export interface PeerReport {
  readonly name: string;
  readonly title: string;
  readonly how: string;
  readonly absent: boolean;
  /** seconds, bytes, GiB/s, s/GiB */
  readonly medians: Measured;
  /** with `besideSessions` idle sessions, as a multiple of the same without */
  readonly beside: Measured;
  readonly besideSessions: number;
  readonly samples: Readonly<Record<string, readonly number[]>>;
  readonly failures: readonly string[];
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory: number;
  readonly kernel: string;
}

export interface Report {
  readonly plan: Plan;
  readonly date: string;
  readonly machine: Machine;
  readonly seconds: number;
  readonly peers: readonly PeerReport[];
}

export function makeReport(rows: readonly Row[], plan: Plan, seconds: number): Report {
  return { plan, date: new Date().toISOString(), machine: thisMachine(), seconds, peers: rows.map(reportRow) };
}

export function thisMachine(): Machine {
  const cpu = cpus()[0]?.model.trim() ?? "unknown";
  return { cpu, cores: Number(execFileSync("nproc")), memory: totalmem(), kernel: release() };
}

function reportRow({ peer, absent, samples, beside, besideSessions, failures }: Row): PeerReport {
  const { name, title, how } = peer;
  const found = { medians: samples.medians(), beside: beside.medians(), besideSessions, samples: samples.all() };
  return { name, title, how, absent, ...found, failures };
}
