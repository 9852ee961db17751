/**
 * The control socket: who can open it controls the relay. Promises: it is never open to other users, not for an
 * instant; what a crashed relayd left behind is cleared away, and nothing else ever is; the file goes with the server.
 */
import { chmod, chown, lstat, stat, unlink } from "node:fs/promises";
import { createConnection, type Server } from "node:net";
import { dirname } from "node:path";
import type { Logger } from "pino";
import { errorCode, explainIoError, reason } from "../io-error.ts";
import { makeDirectory } from "../make-directory.ts";
import type { InheritedSocket } from "../systemd/inherited.ts";

/** Whose a control socket is. */
export interface SocketAccess {
  /** of the configuration, for messages */
  readonly key: string;
  readonly mode: number;
  /** of directories that have to be made */
  readonly directoryMode: number;
  /** the group that it is given to; null: relayd's own */
  readonly gid: number | null;
}

/** Who can open it controls the relay. */
export const OWNERS_ALONE: SocketAccess = { key: "control.socket", mode: 0o600, directoryMode: 0o700, gid: null };

/** Of the socket that changes nothing: also the group's, if there is one. Its directory must let them in. */
export function readOnlyAccess(gid: number | null): SocketAccess {
  return { key: "control.readOnlySocket", mode: gid === null ? 0o600 : 0o660, directoryMode: 0o755, gid };
}

/** The message is "KEY PATH: what is wrong; what to do". */
export class ControlSocketError extends Error {
  override readonly name = "ControlSocketError";

  constructor(key: string, path: string, what: string, cause?: unknown) {
    super(`${key} ${path}: ${what}`, { cause });
  }
}

/**
 * Has `server` listen on a Unix socket that was bound by whoever started relayd: its file, its mode and its directory are
 * theirs to see to, and it stays when the server is closed.
 * @throws ControlSocketError
 */
export async function listenOnInherited(
  server: Server,
  key: string,
  inherited: InheritedSocket,
  log: Logger,
): Promise<void> {
  const { fd, address } = inherited;
  if (address === null || !("path" in address)) {
    throw new ControlSocketError(key, "handed over by systemd", "is no Unix socket; set ListenStream to a path");
  }
  const { path } = address;
  await listen(server, key, path, { fd });
  const { mode } = await stat(path);
  if ((mode & 0o002) === 0) return;
  const advice = "whoever opens it controls the relay; set SocketMode=0600";
  log.warn({ socket: path, mode: (mode & 0o777).toString(8) }, `the control socket is open to others: ${advice}`);
}

/**
 * Has `server` listen on a Unix socket at `path`, in a directory that is made if it is not there. Closing the server removes
 * the socket.
 * @throws ControlSocketError where another relayd listens, another file is in the way, or the file system refuses
 */
export async function listenOnControlSocket(
  server: Server,
  path: string,
  log: Logger,
  access: SocketAccess = OWNERS_ALONE,
): Promise<void> {
  const directory = dirname(path);
  try {
    await makeDirectory(directory, access.directoryMode);
    await warnIfOthersMayWrite(directory, log);
    await clearStaleSocket(access.key, path, log);
    await listen(server, access.key, path, { path });
    if (access.gid !== null) await chown(path, -1, access.gid); // before others may write to it
    await chmod(path, access.mode);
  } catch (error) {
    if (error instanceof ControlSocketError) throw error;
    throw new ControlSocketError(access.key, path, explainIoError(error, "write"), error);
  }
}

async function warnIfOthersMayWrite(directory: string, log: Logger): Promise<void> {
  const { mode } = await stat(directory);
  if ((mode & 0o022) === 0) return;
  const advice = "others may put a socket of their own in its place; chmod 700 it";
  log.warn({ directory, mode: (mode & 0o7777).toString(8) }, `the control socket's directory is open: ${advice}`);
}

async function clearStaleSocket(key: string, path: string, log: Logger): Promise<void> {
  const found = await lstat(path).catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  });
  if (found === null) return;
  if (!found.isSocket())
    throw new ControlSocketError(key, path, "is there and is no socket; move it, or choose another path");
  const refusal = await probe(path);
  if (refusal === null) {
    throw new ControlSocketError(key, path, "another relayd is running on it; stop that one, or choose another path");
  }
  switch (errorCode(refusal)) {
    case "ECONNREFUSED":
      log.info({ socket: path }, "removing the control socket that a relayd left behind");
      await unlink(path);
      break;
    case "ENOENT":
      break; // gone by itself
    default:
      throw new ControlSocketError(
        key,
        path,
        `is in use (${reason(refusal)}); stop what uses it, or choose another path`,
      );
  }
}

/** Null if somebody answers, else what the attempt failed with. The kernel answers at once either way. */
function probe(path: string): Promise<Error | null> {
  return new Promise((resolve) => {
    const attempt = createConnection(path);
    attempt.once("connect", () => {
      attempt.destroy();
      resolve(null);
    });
    attempt.once("error", resolve);
  });
}

/** `listen` binds before it returns, so that the umask is another one for no longer than that. */
function listen(server: Server, key: string, path: string, on: { path: string } | { fd: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) =>
      reject(new ControlSocketError(key, path, `cannot be opened (${reason(error)}); choose another path`, error));
    server.once("error", fail);
    const umask = process.umask(0o177);
    try {
      server.listen(on, () => {
        server.off("error", fail);
        resolve();
      });
    } finally {
      process.umask(umask);
    }
  });
}
