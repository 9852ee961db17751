/** What it takes to set up an authenticated pair, two mTLS admissions, until a message has gone each way; and to close it. */
import type { Measured } from "../columns.ts";
import { runLoad, type Scene } from "./scene.ts";

interface Report {
  readonly count: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
}

const IN_FLIGHT = 16;
/** More than begin within the time. */
const ENOUGH = 20_000;

export async function measureSetup(scene: Scene): Promise<Measured> {
  if (!scene.peer.authenticated) return {};
  const { setupCount: count, setupSeconds } = scene.plan;
  const one = await runLoad<Report>(scene, "setup", { count, seconds: 4 * setupSeconds });
  const many = await setUpInFlight(scene, setupSeconds);
  return {
    setupP50: one.p50,
    setupP99: one.p99,
    setupRate: many.count / many.seconds,
    ...(one.cpu !== null && { setupCpu: one.cpu / one.count }),
    ...(many.cpu !== null && { setupCpu16: many.cpu / many.count }),
  };
}

/** Lets compilers, allocators and caches of the peer come to rest, whatever it is. */
export async function warmUp(scene: Scene): Promise<void> {
  await setUpInFlight(scene, scene.plan.warmUpSeconds);
}

function setUpInFlight(scene: Scene, seconds: number) {
  const count = scene.peer.authenticated ? ENOUGH / 4 : ENOUGH / 20;
  return runLoad<Report>(scene, "setup", { inFlight: IN_FLIGHT, count, seconds });
}
