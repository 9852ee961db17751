/**
 * Places where local programs connect. A Unix socket is this user's alone, not for an instant anybody else's; what a killed
 * sidecar left of one is cleared away, and nothing else ever is.
 */
import { lstat, unlink } from "node:fs/promises";
import type { Server } from "node:net";
import { connectTo, type Endpoint, endpointOf, formatEndpoint } from "./endpoint.ts";
import { Exit, Failure } from "./failure.ts";

/** The kernel cuts it to net.core.somaxconn. */
const BACKLOG = 1024;
const PROBE_MS = 1_000;

/** `flag`: what names the place. Throws a Failure. */
export async function listenAt(server: Server, flag: string, endpoint: Endpoint): Promise<void> {
  try {
    await listen(server, endpoint).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE" || !("path" in endpoint) || !(await isLeftOver(endpoint))) throw error;
      await unlink(endpoint.path);
      await listen(server, endpoint);
    });
  } catch (error) {
    const text = `--${flag} ${formatEndpoint(endpoint)}: ${explain(error as NodeJS.ErrnoException)}`;
    throw new Failure(text, Exit.unavailable, error);
  }
}

/** Whether more than this machine's own programs can reach it: whoever does speaks in this function's name. */
export function isOpenToOthers(server: Server): boolean {
  const endpoint = endpointOf(server);
  return "host" in endpoint && !/^(?:127\.|::1$|::ffff:127\.)/.test(endpoint.host);
}

/** It binds before it returns, so that the umask is another one for no longer than that. */
function listen(server: Server, endpoint: Endpoint): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const umask = process.umask(0o177);
  try {
    server.once("error", reject).listen({ ...endpoint, backlog: BACKLOG }, () => {
      server.off("error", reject);
      resolve();
    });
  } finally {
    process.umask(umask);
  }
  return promise;
}

/** A socket at which nobody listens any more. */
async function isLeftOver(endpoint: { path: string }): Promise<boolean> {
  if (!(await lstat(endpoint.path)).isSocket()) return false;
  const refused = (error: NodeJS.ErrnoException): boolean => error.code === "ECONNREFUSED";
  return connectTo(endpoint, PROBE_MS, new AbortController().signal).then((socket) => {
    socket.destroy();
    return false;
  }, refused);
}

function explain(error: NodeJS.ErrnoException): string {
  const code: string = error.code ?? "";
  switch (code) {
    case "EADDRINUSE":
      return "somebody else listens there, or a file is in the way; choose another";
    case "EACCES":
      return "this user may not listen there; choose another, a port above 1023 or a directory of its own";
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return "the host is no address of this machine; choose one that is";
    case "ENOENT":
      return "there is no such directory; make it";
    default:
      return `it cannot be listened at (${error.message}); choose another`;
  }
}
