/** The process, under the names that every Prometheus client uses for it. */
import { readdir, stat } from "node:fs/promises";
import type { Registry } from "prom-client";
import { openFilesLimit } from "../open-files.ts";
import { addReading } from "./reading.ts";

export function addProcessMetrics(registry: Registry): void {
  const startedAt = performance.timeOrigin / 1000;
  const limit = openFilesLimit();
  addReading(registry, {
    name: "process_cpu_seconds_total",
    type: "counter",
    help: "CPU time of all threads, in user space and in the kernel.",
    read: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  });
  addReading(registry, {
    name: "process_start_time_seconds",
    type: "gauge",
    help: "When the process began, in seconds since 1970.",
    read: () => startedAt,
  });
  addReading(registry, {
    name: "process_resident_memory_bytes",
    type: "gauge",
    help: "Memory that is resident.",
    read: () => process.memoryUsage.rss(),
  });
  addReading(registry, {
    name: "process_open_fds",
    type: "gauge",
    help: "Open file descriptors.",
    read: openDescriptors,
  });
  addReading(registry, {
    name: "process_max_fds",
    type: "gauge",
    help: "The limit of open file descriptors.",
    read: () => limit,
  });
}

/** Linux 6.2 and later give their number as the directory's size; elsewhere they are counted. */
async function openDescriptors(): Promise<number> {
  try {
    const { size } = await stat("/proc/self/fd");
    return size > 0 ? size : (await readdir("/proc/self/fd")).length;
  } catch {
    return Number.NaN; // as Prometheus says: not known
  }
}
