/** A peer that runs, and what measures it. */
import { setTimeout as sleep } from "node:timers/promises";
import { Load, type LoadMeasure, type LoadOptions } from "../load.ts";
import type { Peer, RunningPeer } from "../peer.ts";
import type { Plan } from "../plan.ts";
import { cpuSeconds } from "../process-tree.ts";

export interface Scene {
  readonly peer: Peer;
  readonly running: RunningPeer;
  readonly plan: Plan;
  /** the path of the load */
  readonly program: string;
}

/** What is still under way a moment after the load's last byte (closing, logging) counts, too. */
const AFTERMATH_MS = 100;

/** Runs one measure from set-up to end. `cpu`: seconds that the peer used meanwhile, null if there is nothing between the ends. */
export async function runLoad<Report extends object>(
  { program, running }: Scene,
  measure: LoadMeasure,
  options: LoadOptions & { readonly onReady?: () => void },
): Promise<Report & { readonly cpu: number | null }> {
  const load = await Load.start(program, measure, running, options);
  try {
    options.onReady?.();
    const before = running.pid === null ? null : cpuSeconds(running.pid);
    const report = await load.go<Report>();
    await sleep(AFTERMATH_MS);
    const cpu = running.pid === null || before === null ? null : cpuSeconds(running.pid) - before;
    return { ...report, cpu };
  } finally {
    await load.end();
  }
}
