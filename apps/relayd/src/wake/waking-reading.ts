import type { Reading } from "../metrics/reading.ts";

/** For the metrics. */
export function wakingReading(wakes: { readonly size: number }): Reading {
  return {
    name: "relayd_waking",
    type: "gauge",
    help: "Functions that are being woken.",
    read: () => wakes.size,
  };
}
