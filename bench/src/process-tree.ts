/** A process and all its descendants: the CPU time and the memory that they use, from /proc, and the processors they run on. */
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"]));
const PAGE_BYTES = Number(execFileSync("getconf", ["PAGESIZE"]));

/**
 * CPU seconds, user and system, that the process, its descendants, and those of them that have ended, used so far: all
 * threads. Resolution is a clock tick (usually 10 ms). Time in soft interrupts is in it only if the kernel charges it so.
 */
export function cpuSeconds(root: number): number {
  let ticks = 0;
  for (const pid of tree(root)) {
    const fields = statOf(pid);
    // utime, stime, and those of children that have been waited for
    for (const field of [14, 15, 16, 17]) ticks += Number(fields[field - 3] ?? 0);
  }
  return ticks / TICKS_PER_SECOND;
}

/** Resident memory of the process and its descendants, in bytes. */
export function residentBytes(root: number): number {
  let pages = 0;
  for (const pid of tree(root)) pages += Number(read(`/proc/${pid}/statm`).split(" ")[1] ?? 0);
  return pages * PAGE_BYTES;
}

/** The processors that this process may run on. */
export function allowedCpus(): number[] {
  const ranges = /^Cpus_allowed_list:\s*(.*)$/m.exec(read("/proc/self/status"))?.[1] ?? "0";
  return ranges.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** Has all threads of the process and its descendants run on these processors alone. */
export function moveTo(root: number, cpus: readonly number[]): void {
  for (const pid of tree(root)) {
    spawnSync("taskset", ["--all-tasks", "--cpu-list", "--pid", cpus.join(","), String(pid)], { stdio: "ignore" });
  }
}

function tree(root: number): number[] {
  const found = [root];
  for (const pid of found) found.push(...childrenOf(pid));
  return found;
}

function childrenOf(pid: number): number[] {
  const threads = list(`/proc/${pid}/task`);
  return threads.flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`).split(" ").filter(Boolean).map(Number),
  );
}

/** The fields of stat from the third on: what comes before holds the command's name, which may hold anything. */
function statOf(pid: number): string[] {
  const text = read(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** Empty if the process has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
