/**
 * Reads a file of the configuration. Promises: what is no file, and might never end or never come (a device, a pipe that nobody
 * writes to), is not waited for; what is read is bounded.
 */
import { constants } from "node:fs";
import { open } from "node:fs/promises";

/** A revocation list of a million certificates has some 40 MiB. */
const MOST_BYTES = 256 * 1024 * 1024;

/** Rejects as `open` does, or with code EFTYPE or EFBIG. */
export async function readRegularFile(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK); // or a pipe would be waited for
  try {
    const found = await file.stat();
    if (found.isDirectory()) throw failure("EISDIR", path);
    if (!found.isFile()) throw failure("EFTYPE", path);
    if (found.size > MOST_BYTES) throw failure("EFBIG", path);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function failure(code: "EISDIR" | "EFTYPE" | "EFBIG", path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
