/** How the threads are: the main thread's loop, and the turns and pipes of those that splice. */
import type { ThreadVitals } from "@serverless-relay/core";
import { Histogram, type Registry } from "prom-client";
import { addReading, type Value } from "./reading.ts";

/** Labels: as in the threads' names. */
const threadLabel = (index: number) => ({ thread: `splice-${index}` });

export function addThreadMetrics(registry: Registry, threads: () => readonly ThreadVitals[]): void {
  addReading(registry, {
    name: "relayd_splice_turn_seconds",
    type: "histogram",
    help: "How long the turns of a splice thread took: what became ready meanwhile had to wait so long.",
    read: () => threads().flatMap((thread, index) => histogramValues("relayd_splice_turn_seconds", thread, index)),
  });
  addReading(registry, {
    name: "relayd_pipes",
    type: "gauge",
    help: "Pipes that a splice thread has open, in use or kept for the next burst.",
    read: () => threads().map(({ pipes }, index) => ({ value: pipes, labels: threadLabel(index) })),
  });
}

function histogramValues(name: string, { turns }: ThreadVitals, index: number): Value[] {
  const labels = threadLabel(index);
  let count = 0;
  const buckets = turns.counts.map((turnsOfBucket, bucket) => {
    count += turnsOfBucket;
    return {
      metricName: `${name}_bucket`,
      value: count,
      labels: { le: String(turns.bounds[bucket] ?? "+Inf"), ...labels },
    };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, value: turns.seconds, labels },
    { metricName: `${name}_count`, value: count, labels },
  ];
}

/** How often the main thread's loop is looked at. */
const SAMPLE_MS = 20;
const DELAY_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/**
 * How late a timer of the main thread comes. A histogram that only grows, unlike that of `monitorEventLoopDelay`, which
 * has to be reset: so any number of scrapers see the same. Returns what stops it.
 */
export function watchMainLoop(registry: Registry): () => void {
  const delay = new Histogram({
    name: "relayd_loop_delay_seconds",
    help: "How late the main thread's event loop was, looked at every 20 ms.",
    buckets: DELAY_SECONDS,
    registers: [registry],
  });
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    delay.observe(Math.max(0, now - last - SAMPLE_MS) / 1000);
    last = now;
  }, SAMPLE_MS).unref();
  return () => clearInterval(timer);
}
