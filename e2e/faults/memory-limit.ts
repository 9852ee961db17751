/** A container's memory limit: a control group of the test's own, of either version, where there is one to be had. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { atExit } from "@serverless-relay/testkit";

/** Where groups can be made, what holds their limit, and what a parent has to be told before. */
const VERSIONS = [
  { root: "/sys/fs/cgroup/memory", own: /^\d+:memory:(.*)$/m, limit: "memory.limit_in_bytes", delegates: false },
  { root: "/sys/fs/cgroup", own: /^0::(.*)$/m, limit: "memory.max", delegates: true },
] as const;

export class MemoryLimit {
  /** a command that starts another in its place, under the limit */
  readonly under: readonly string[];
  readonly #remove: () => void;

  private constructor(directory: string) {
    this.under = ["sh", "-c", `echo $$ >${directory}/cgroup.procs && exec "$@"`, "sh"];
    const remove = () => rmdirSync(directory);
    const forget = atExit(remove);
    this.#remove = () => {
      forget();
      remove();
    };
  }

  /** Null where this user, or this machine, has no group to give: then the kernel enforces nothing. */
  static of(bytes: number): MemoryLimit | null {
    const groups = readFileSync("/proc/self/cgroup", "utf8");
    for (const { root, own, limit, delegates } of VERSIONS) {
      const parent = `${root}${own.exec(groups)?.[1] ?? ""}`.replace(/\/$/, "");
      const directory = `${parent}/relay-test-${process.pid}`;
      try {
        if (delegates) writeFileSync(`${parent}/cgroup.subtree_control`, "+memory");
        mkdirSync(directory);
      } catch {
        continue;
      }
      if (existsSync(`${directory}/${limit}`)) {
        writeFileSync(`${directory}/${limit}`, String(bytes));
        return new MemoryLimit(directory);
      }
      rmdirSync(directory);
    }
    return null;
  }

  /** Whoever was under it must have ended. */
  remove(): void {
    this.#remove();
  }
}

/** Memory of a process that the kernel cannot take back, in bytes: what a group's limit is about in the end. */
export function anonymousBytes(pid: number): number {
  const [, kib] = /^RssAnon:\s+([0-9]+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? [];
  return Number(kib) * 1024;
}
