/**
 * Which names in which directories stand between a path and the file: all that has to be watched to learn that the file is
 * another one. Editors and tools put a new file in the place of the old one; Kubernetes turns a symbolic link further up
 * (`..data`) to another directory. So it is names in directories that are watched, never files.
 */
import { lstat, readlink } from "node:fs/promises";
import { dirname, join, parse, resolve, sep } from "node:path";
import { errorCode } from "../io-error.ts";

/** Directories, and in each the names that matter. */
export type WatchPoints = ReadonlyMap<string, ReadonlySet<string>>;

/** As the kernel has it. */
const MOST_LINKS = 40;

/** Never throws: where there is no such file, what matters is the place at which the path breaks off. */
export async function findWatchPoints(paths: readonly string[]): Promise<WatchPoints> {
  const points = new Map<string, Set<string>>();
  for (const path of paths) {
    for (const point of await pointsOf(path)) {
      const names = points.get(dirname(point));
      if (names === undefined) points.set(dirname(point), new Set([basenameOf(point)]));
      else names.add(basenameOf(point));
    }
  }
  return points;
}

/** The symbolic links on the way, and the file at its end, or the first part of the path that is not there. */
async function pointsOf(path: string): Promise<string[]> {
  const points: string[] = [];
  let rest = partsOf(path);
  let here = parse(path).root;
  for (let links = 0; rest.length > 0; ) {
    const [part = "", ...others] = rest;
    const next = join(here, part);
    const kind = await kindOf(next);
    if (kind === "absent" || others.length === 0 || kind === "link") points.push(next);
    if (kind === "absent") break;
    rest = others;
    if (kind === "other") {
      here = next;
      continue;
    }
    if (++links > MOST_LINKS) break;
    const target = resolve(here, await readlink(next).catch(() => part));
    here = parse(target).root;
    rest = [...partsOf(target), ...others];
  }
  return points;
}

async function kindOf(path: string): Promise<"absent" | "link" | "other"> {
  try {
    return (await lstat(path)).isSymbolicLink() ? "link" : "other";
  } catch (error) {
    // A directory that may not be searched is there; whoever reads the file says what is wrong.
    return errorCode(error) === "EACCES" ? "other" : "absent";
  }
}

function partsOf(path: string): string[] {
  return path
    .slice(parse(path).root.length)
    .split(sep)
    .filter((part) => part !== "");
}

function basenameOf(path: string): string {
  return parse(path).base;
}
