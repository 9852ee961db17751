/** Makes a directory and what is missing above it. */
import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "./io-error.ts";

/**
 * Does nothing to a directory that is there. `mkdir` of node:fs with `recursive` will not do: it never returns where the
 * kernel answers ENOENT below a directory that exists, as in /proc.
 * @param mode of what is made, less the umask
 * @throws the error of the file system
 */
export async function makeDirectory(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (errorCode(error) === "EEXIST" && (await stat(path)).isDirectory()) return;
    if (errorCode(error) !== "ENOENT" || dirname(path) === path) throw error;
    await makeDirectory(dirname(path), mode);
    await mkdir(path, { mode });
  }
}
