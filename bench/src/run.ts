/**
 * The order of things. Peers are measured in rounds, each in turn, so that what disturbs the machine for a while disturbs
 * them all; then each once more beside itself: one instance with idle sessions, one without, in turn; and, in a process of
 * its own, with parked clients.
 */
import { type ColumnName, columnNames, type Measured, Samples } from "./columns.ts";
import type { Ground } from "./ground.ts";
import { measureBulk } from "./measures/bulk.ts";
import { gatherCrowd, measureParked } from "./measures/memory.ts";
import { measurePing } from "./measures/ping.ts";
import type { Scene } from "./measures/scene.ts";
import { measureSetup, warmUp } from "./measures/setup.ts";
import { isAbsent, type Peer } from "./peer.ts";
import type { Plan } from "./plan.ts";

/** One row. */
export interface Row {
  readonly peer: Peer;
  readonly absent: boolean;
  readonly samples: Samples;
  /** each column beside idle sessions, as a multiple of the same without */
  readonly beside: Samples;
  /** how many idle sessions those were */
  besideSessions: number;
  /** what went wrong */
  readonly failures: string[];
}

export async function run(
  peers: readonly Peer[],
  plan: Plan,
  ground: Ground,
  tell: (text: string) => void,
): Promise<Row[]> {
  const rows = peers.map((peer) => newRow(peer));
  const present = rows.filter(({ absent }) => !absent);
  for (let round = 1; round <= plan.rounds; round++) {
    // not always in the same order
    for (const row of round % 2 === 1 ? present : present.toReversed()) {
      tell(`round ${round} of ${plan.rounds}: ${row.peer.title}`);
      await attempt(row, () => measureAlone(row, plan, ground));
    }
  }
  for (const row of present.filter(({ peer }) => peer.mostIdle !== 0)) {
    tell(`${plan.many === null ? "idle and parked" : "beside idle sessions"}: ${row.peer.title}`);
    await attempt(row, () => measureBeside(row, plan, ground));
    if (row.peer.parks) await attempt(row, () => measureWaiting(row, plan, ground));
  }
  return rows;
}

function newRow(peer: Peer): Row {
  return {
    peer,
    absent: isAbsent(peer),
    samples: new Samples(),
    beside: new Samples(),
    besideSessions: 0,
    failures: [],
  };
}

/** A peer that fails is a row that says so, not the end of the run. */
async function attempt(row: Row, measure: () => Promise<void>): Promise<void> {
  try {
    await measure();
  } catch (error) {
    row.failures.push(error instanceof Error ? error.message : String(error));
  }
}

async function measureAlone({ peer, samples }: Row, plan: Plan, ground: Ground): Promise<void> {
  await using scene = await stage(peer, plan, ground);
  await warmUp(scene);
  samples.add(await measureTraffic(scene));
}

async function measureBeside(row: Row, plan: Plan, ground: Ground): Promise<void> {
  const { peer, samples, beside } = row;
  await using crowded = await stage(peer, plan, ground);
  await warmUp(crowded);
  const crowd = await gatherCrowd(crowded);
  try {
    samples.add(crowd.measured);
    if (plan.many === null) return;
    await using alone = await stage(peer, plan, ground);
    await warmUp(alone);
    for (let turn = 0; turn < plan.besideTurns[peer.closely ? "close" : "others"]; turn++) {
      const without = await measureTraffic(alone);
      samples.add(without);
      beside.add(ratios(await measureTraffic(crowded), without));
      row.besideSessions = crowd.sessions;
    }
  } finally {
    await crowd.end();
  }
}

/** In a process of its own, as memory beside which nothing was done before but a warm-up. */
async function measureWaiting({ peer, samples }: Row, plan: Plan, ground: Ground): Promise<void> {
  await using scene = await stage(peer, plan, ground);
  await warmUp(scene);
  samples.add(await measureParked(scene));
}

async function measureTraffic(scene: Scene): Promise<Measured> {
  return { ...(await measureSetup(scene)), ...(await measurePing(scene)), ...(await measureBulk(scene)) };
}

function ratios(one: Measured, other: Measured): Measured {
  const found: { [name in ColumnName]?: number } = {};
  for (const name of columnNames) {
    const [above, below] = [one[name], other[name]];
    if (above !== undefined && below !== undefined) found[name] = above / below;
  }
  return found;
}

async function stage(peer: Peer, plan: Plan, ground: Ground): Promise<Scene & AsyncDisposable> {
  const running = await peer.start(ground);
  return { peer, plan, running, program: ground.native.load, [Symbol.asyncDispose]: () => running.stop() };
}
