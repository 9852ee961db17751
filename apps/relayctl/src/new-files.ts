/** Files that are made new, and never in place of others. */
import { lstat, mkdir, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CommandFailed } from "./failure.ts";

export interface NewFile {
  readonly name: string;
  readonly content: string;
  /** readable by its owner alone */
  readonly secret?: boolean;
}

/** Throws CommandFailed if anything with one of these names is in `dir`, a dangling link included. */
export async function assertAbsent(dir: string, names: readonly string[]): Promise<void> {
  const found = await Promise.all(names.map((name) => isThere(join(dir, name))));
  const present = names.filter((_name, index) => found[index]).map((name) => join(dir, name));
  if (present.length > 0) {
    const exist = present.length === 1 ? "exists" : "exist";
    throw new CommandFailed("exists", `${present.join(", ")} ${exist} already: nothing was written`);
  }
}

/** Writes all of the files or none: CommandFailed if one is there already, or cannot be written. Makes `dir`. */
export async function writeNewFiles(dir: string, files: readonly NewFile[]): Promise<void> {
  await assertAbsent(
    dir,
    files.map(({ name }) => name),
  );
  const written: string[] = [];
  try {
    await makeDirectory(dir);
    for (const { name, content, secret = false } of files) {
      const path = join(dir, name);
      const file = await open(path, "wx", secret ? 0o600 : 0o644);
      written.push(path);
      try {
        await file.writeFile(content);
      } finally {
        await file.close();
      }
    }
  } catch (error) {
    await Promise.all(written.map((path) => rm(path, { force: true })));
    throw translated(error);
  }
}

/** With its parents. Not `recursive` of Node: that never ends where a directory cannot be made, but is ENOENT, as in /proc. */
async function makeDirectory(dir: string): Promise<void> {
  try {
    await mkdir(dir);
  } catch (error) {
    if (!isErrno(error)) throw error;
    if (error.code === "EEXIST") return; // if it is no directory, writing into it says so
    if (error.code !== "ENOENT" || dirname(dir) === dir) throw error;
    await makeDirectory(dirname(dir));
    await mkdir(dir);
  }
}

/** What the file system said no with, as CommandFailed; its messages name the path. */
export function translated(error: unknown): unknown {
  return isErrno(error) ? new CommandFailed("io", error.message) : error;
}

export function isErrno(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error;
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isErrno(error) && error.code === "ENOENT") return false;
    throw translated(error);
  }
}
