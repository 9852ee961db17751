/**
 * Round trips of one byte. Left alone, the kernel puts ends and relay on one core or on several as it likes, and the figures
 * jump between two values: so the ends have one core, the relay another, and every row crosses over as often.
 */
import type { Measured } from "../columns.ts";
import { allowedCpus, moveTo } from "../process-tree.ts";
import { runLoad, type Scene } from "./scene.ts";

export async function measurePing(scene: Scene): Promise<Measured> {
  const { pid } = scene.running;
  const [first, second] = allowedCpus();
  const seconds = scene.plan.pingSeconds;
  if (first === undefined || second === undefined) return await ping(scene, { seconds });
  // with nothing between the ends, they are the two that are on cores of their own
  if (pid === null) return await ping(scene, { seconds, cpus: [first, second] });
  try {
    return await ping(scene, { seconds, cpus: [first, first], onReady: () => moveTo(pid, [second]) });
  } finally {
    moveTo(pid, allowedCpus());
  }
}

async function ping(scene: Scene, options: Parameters<typeof runLoad>[2]): Promise<Measured> {
  const { p50, p99 } = await runLoad<{ p50: number; p99: number }>(scene, "ping", options);
  return { pingP50: p50, pingP99: p99 };
}
