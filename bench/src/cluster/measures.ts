/** What is measured of a fleet, each beside the same at one relay, in turn. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Ground } from "../ground.ts";
import { Load, type LoadMeasure, type LoadOptions } from "../load.ts";
import { tlsArguments } from "../peer.ts";
import { cpuSeconds, residentBytes } from "../process-tree.ts";
import { CHUNK_PACE_MS, type Figures, PACE_MS } from "./figures.ts";
import { Fleet, type FleetRelay } from "./fleet.ts";

export interface ClusterPlan {
  readonly rounds: number;
  readonly setupCount: number;
  readonly bulkSeconds: number;
  /** in all */
  readonly parked: number;
  /** longer than each that is parked is looked for once more, after it came */
  readonly settleSeconds: number;
  /** nobody comes or goes meanwhile */
  readonly restSeconds: number;
}

export interface Scene {
  readonly ground: Ground;
  readonly fleet: Fleet;
  readonly plan: ClusterPlan;
  readonly say: (text: string) => void;
}

const GIB = 2 ** 30;
const IN_FLIGHT = 16;
/** Pairs by which relays and NATS are brought to rest before anything is measured. */
const WARM_UP = 400;
/** of the cluster */
export const RELAYS = 3;

interface Times {
  readonly count: number;
  readonly p50: number;
}

/** Where the first end dials, and the second. */
type Places = readonly [FleetRelay, FleetRelay];

/** Relays that are in turn the one of a local pair, or the two of one across. */
function placesOf({ relays }: Fleet, round: number): { local: Places; across: Places } {
  const [one, other] = [relays[round % relays.length], relays[(round + 1) % relays.length]];
  if (one === undefined || other === undefined) throw new RangeError("a fleet has two relays at least");
  return { local: [one, one], across: [one, other] };
}

async function run<Report extends object>(
  { ground, fleet }: Scene,
  measure: LoadMeasure,
  places: Places,
  options: LoadOptions,
): Promise<Report & { readonly cpu: number }> {
  const load = await start(ground, measure, places, options);
  const used = () => fleet.relays.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
  try {
    const before = used();
    const report = await load.go<Report>();
    return { ...report, cpu: used() - before };
  } finally {
    await load.end();
  }
}

function start(ground: Ground, measure: LoadMeasure, [one, other]: Places, options: LoadOptions): Promise<Load> {
  const way = ["connect-raw", "--relay", one.address, "--relay-b", other.address, ...tlsArguments(ground)];
  return Load.start(ground.native.load, measure, { pid: null, way, stop: async () => {} }, options);
}

export async function warmUp(scene: Scene): Promise<void> {
  const options = { inFlight: IN_FLIGHT, count: WARM_UP, seconds: 30 };
  for (const round of scene.fleet.relays.keys()) {
    const { local, across } = placesOf(scene.fleet, round);
    for (const places of [local, across]) await run(scene, "setup", places, options);
  }
}

/** One pair at a time, with a pause in between: what a function waits for that comes to relays which are not busy. */
export async function measurePacedSetup(scene: Scene, round: number): Promise<Partial<Figures>> {
  const options = { count: scene.plan.setupCount, pause: PACE_MS, seconds: 60 };
  const { local, across } = placesOf(scene.fleet, round);
  const here = await run<Times>(scene, "setup", local, options);
  const there = await run<Times>(scene, "setup", across, options);
  return { pacedLocalP50: here.p50, pacedAcrossP50: there.p50 };
}

/** One pair at a time, one right after another. */
export async function measureSetup(scene: Scene, round: number): Promise<Partial<Figures>> {
  const options = { count: scene.plan.setupCount, seconds: 60 };
  const { local, across } = placesOf(scene.fleet, round);
  const here = await run<Times>(scene, "setup", local, options);
  const before = await scene.fleet.natsCounts();
  const cpuBefore = cpuSeconds(scene.fleet.natsPid);
  const there = await run<Times>(scene, "setup", across, options);
  const after = await scene.fleet.natsCounts();
  return {
    setupLocalP50: here.p50,
    setupLocalCpu: here.cpu / here.count,
    setupAcrossP50: there.p50,
    setupAcrossCpu: there.cpu / there.count,
    pairingMessages: (after.messages - before.messages) / there.count,
    pairingBytes: (after.bytes - before.bytes) / there.count,
    pairingNatsCpu: (cpuSeconds(scene.fleet.natsPid) - cpuBefore) / there.count,
  };
}

/** One session, bytes one way: as fast as they go, and in chunks that are `pause` ms apart. */
export async function measureBulk(scene: Scene, round: number): Promise<Partial<Figures>> {
  const { local, across } = placesOf(scene.fleet, round);
  const bulk = async (places: Places, pause = 0) => {
    const options = { seconds: scene.plan.bulkSeconds, pause };
    const { bytes, seconds, cpu } = await run<{ bytes: number; seconds: number }>(scene, "bulk", places, options);
    return { rate: bytes / GIB / seconds, cpu: cpu / (bytes / GIB) };
  };
  const [here, there] = [await bulk(local), await bulk(across)];
  const [pacedHere, pacedThere] = [await bulk(local, CHUNK_PACE_MS), await bulk(across, CHUNK_PACE_MS)];
  return {
    rateLocal: here.rate,
    cpuLocal: here.cpu,
    rateAcross: there.rate,
    cpuAcross: there.cpu,
    pacedCpuLocal: pacedHere.cpu,
    pacedCpuAcross: pacedThere.cpu,
  };
}

/**
 * As many at each relay of a cluster, and at one that is alone: processes that have done nothing else, for what one has used
 * before, and not given back, is there for the parked, and costs nothing more.
 */
export async function measureParked({ ground, plan, say }: Scene): Promise<Partial<Figures>> {
  const fleet = await Fleet.start(ground, RELAYS);
  const scene: Scene = { ground, fleet, plan, say };
  const loads: Load[] = [];
  try {
    const each = Math.ceil(plan.parked / RELAYS);
    const parkedAlone = await parkAt(scene, [fleet.alone], each, loads);
    const [natsBefore, countsBefore] = [residentBytes(fleet.natsPid), await fleet.natsCounts()];
    const parkedInCluster = await parkAt(scene, fleet.relays, each, loads);
    const parked = each * RELAYS;
    const counts = await fleet.natsCounts();
    const natsMemory = (residentBytes(fleet.natsPid) - natsBefore) / parked;
    say(`${parked} are parked; looking at NATS for ${plan.restSeconds} s`);
    const cpuBefore = cpuSeconds(fleet.natsPid);
    await sleep(plan.restSeconds * 1000);
    const after = await fleet.natsCounts();
    return {
      parked,
      parkedAlone,
      parkedInCluster,
      natsMemory,
      subscriptions: (counts.subscriptions - countsBefore.subscriptions) / parked,
      natsShare: (cpuSeconds(fleet.natsPid) - cpuBefore) / plan.restSeconds,
      restMessages: (after.messages - counts.messages) / plan.restSeconds,
      restBytes: (after.bytes - counts.bytes) / plan.restSeconds,
    };
  } finally {
    for (const load of loads) await load.end();
    await fleet.stop();
  }
}

/**
 * Parks `count` at each of these relays. Resident bytes of a relay for one of them, once some are parked: by then, its code has
 * been compiled, and what it needs once is there.
 */
async function parkAt(
  { ground, plan }: Scene,
  relays: readonly FleetRelay[],
  count: number,
  loads: Load[],
): Promise<number> {
  const grow = async (pairs: number) => {
    for (const relay of relays) loads.push(await start(ground, "park", [relay, relay], { pairs, inFlight: IN_FLIGHT }));
    return await settled(relays, plan.settleSeconds);
  };
  const some = Math.ceil(count / 3);
  const before = await grow(some);
  return ((await grow(count - some)) - before) / ((count - some) * relays.length);
}

/** What they come to once each that is parked has been looked for once more, and without garbage. */
async function settled(relays: readonly FleetRelay[], seconds: number): Promise<number> {
  await sleep(seconds * 1000);
  for (const relay of relays) await relay.collectGarbage();
  return relays.reduce((sum, { pid }) => sum + residentBytes(pid), 0);
}
