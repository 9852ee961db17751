/** Bytes one way, as fast as they go: the rate, and what a GiB costs the relay. */
import type { Measured } from "../columns.ts";
import { runLoad, type Scene } from "./scene.ts";

const GIB = 2 ** 30;
const MANY_PAIRS = 16;

export async function measureBulk(scene: Scene): Promise<Measured> {
  const one = await bulk(scene, 1);
  const many = await bulk(scene, MANY_PAIRS);
  return {
    rate1: one.rate,
    rate16: many.rate,
    ...(one.cpu !== null && { cpu1: one.cpu }),
    ...(many.cpu !== null && { cpu16: many.cpu }),
  };
}

async function bulk(scene: Scene, pairs: number): Promise<{ rate: number; cpu: number | null }> {
  const options = { pairs, inFlight: Math.min(pairs, 4), seconds: scene.plan.bulkSeconds };
  const { bytes, seconds, cpu } = await runLoad<{ bytes: number; seconds: number }>(scene, "bulk", options);
  return { rate: bytes / GIB / seconds, cpu: cpu === null ? null : cpu / (bytes / GIB) };
}
