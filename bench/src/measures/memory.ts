/** Resident memory of the relay per idle session, and per parked client: what there is then, less what there was before. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Measured } from "../columns.ts";
import { Load } from "../load.ts";
import { residentBytes } from "../process-tree.ts";
import type { Scene } from "./scene.ts";

const IN_FLIGHT = 16;
const READ_EVERY_MS = 250;

/** Idle sessions, held until let go of. */
export interface Crowd {
  readonly measured: Measured;
  readonly sessions: number;
  end(): Promise<void>;
}

/** Holds the few and then the many, and reads memory at each. The sessions stay. */
export async function gatherCrowd(scene: Scene): Promise<Crowd> {
  const { loads, few, many } = await hold(scene, "hold");
  const { plan, peer } = scene;
  return {
    measured: { ...(few !== null && { idleFew: few }), ...(many !== null && { idleMany: many }) },
    sessions: many === null ? Math.min(plan.few, peer.mostIdle ?? plan.few) : (plan.many ?? plan.few),
    end: () => endAll(loads),
  };
}

export async function measureParked(scene: Scene): Promise<Measured> {
  const { loads, few, many } = await hold(scene, "park");
  await endAll(loads);
  return { ...(few !== null && { parkedFew: few }), ...(many !== null && { parkedMany: many }) };
}

/** Bytes each at the few, and at the many; null where that is not measured. */
async function hold(scene: Scene, measure: "hold" | "park") {
  const { plan, peer, running, program } = scene;
  const most = peer.mostIdle ?? Number.POSITIVE_INFINITY;
  const loads: Load[] = [];
  const { pid } = running;
  const result = { loads, few: null as number | null, many: null as number | null };
  if (pid === null) return result;
  const before = await settled(pid, plan.settleSeconds);
  const grow = async (from: number, to: number) => {
    loads.push(await Load.start(program, measure, running, { pairs: to - from, inFlight: IN_FLIGHT }));
    return ((await settled(pid, plan.settleSeconds)) - before) / to;
  };
  try {
    if (plan.few <= most) result.few = await grow(0, plan.few);
    if (plan.many !== null && plan.many <= most) result.many = await grow(plan.few, plan.many);
    return result;
  } catch (error) {
    await endAll(loads);
    throw error;
  }
}

/** The least that is seen while the peer rests: garbage that it gives back by itself does not count. */
async function settled(pid: number, seconds: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let waited = 0; waited < seconds * 1000; waited += READ_EVERY_MS) {
    await sleep(READ_EVERY_MS);
    least = Math.min(least, residentBytes(pid));
  }
  return least;
}

async function endAll(loads: readonly Load[]): Promise<void> {
  for (const load of loads) await load.end();
}
