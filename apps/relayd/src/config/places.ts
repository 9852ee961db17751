/**
 * Whether relayd can make, and write to, the directories that the configuration names. Tried rather than reasoned about
 * (root, read-only and virtual file systems all differ), and nothing is left behind.
 */
import { access, constants, mkdtemp, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode, explainIoError } from "../io-error.ts";
import type { Findings, NamedFile } from "./findings.ts";

/** sockaddr_un holds 108 bytes on Linux and 104 elsewhere, one of which is the terminating zero. */
const LONGEST_SOCKET_PATH = process.platform === "linux" ? 107 : 103;

/** Notes a problem if `directory` is not, and cannot be made, a directory to write to. */
export async function checkDirectory(directory: NamedFile, findings: Findings): Promise<void> {
  const problem = await unwritable(directory.path);
  if (problem !== null) findings.problem(directory, problem);
}

/** Notes a problem if `file` cannot be appended to, nor made where it is not there. */
export async function checkAppendable(file: NamedFile, findings: Findings): Promise<void> {
  try {
    if ((await stat(file.path)).isDirectory()) findings.problem(file, "is a directory; name a file");
    else await access(file.path, constants.W_OK);
  } catch (error) {
    const problem =
      errorCode(error) === "ENOENT" ? await unwritable(dirname(file.path)) : explainIoError(error, "write");
    if (problem !== null) findings.problem(file, problem);
  }
}

/** Notes a problem if no Unix socket can be bound at this path. */
export async function checkSocketPath(socket: NamedFile, findings: Findings): Promise<void> {
  const length = Buffer.byteLength(socket.path);
  if (length > LONGEST_SOCKET_PATH) {
    const limit = `a Unix socket's path may have ${LONGEST_SOCKET_PATH} at most`;
    findings.problem(socket, `has ${length} bytes, and ${limit}; choose a shorter path`);
    return;
  }
  const problem = await unwritable(dirname(socket.path));
  if (problem !== null) findings.problem(socket, problem);
}

/** What keeps `directory` from being written to, or from being made where it is not there; null if nothing does. */
async function unwritable(directory: string): Promise<string | null> {
  const existing = await nearestExisting(directory);
  try {
    if (!(await stat(existing)).isDirectory()) return `${existing} is not a directory; choose another place`;
    await rmdir(await mkdtemp(join(existing, ".relayd-check-")));
    return null;
  } catch (error) {
    const what = existing === directory ? `${directory} cannot be written to` : `cannot be made in ${existing}`;
    // the directory is there, so this is the kernel's way to say that it takes nothing new
    const why =
      errorCode(error) === "ENOENT" ? "it takes no new files; choose another place" : explainIoError(error, "write");
    return `${what}: ${why}`;
  }
}

async function nearestExisting(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    const absent = errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR";
    return absent && dirname(path) !== path ? await nearestExisting(dirname(path)) : path;
  }
}
