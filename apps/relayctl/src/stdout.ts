/** Standard output of commands that go on until somebody has had enough: the user, or the reader at the other end of a pipe. */
import { once } from "node:events";

/** Aborted on Ctrl-C, on SIGTERM and SIGHUP, and once nobody reads any more (`| head`): all of them are a good end. */
export function enough(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => stop.abort());
  process.stdout.once("error", () => stop.abort());
  return stop.signal;
}

/** Resolves once there is room for more, so that a slow reader slows the writer down; false if there will be none. */
export async function writeLine(line: string, stop: AbortSignal): Promise<boolean> {
  if (stop.aborted) return false;
  if (process.stdout.write(`${line}\n`)) return true;
  await once(process.stdout, "drain", { signal: stop }).catch(() => {});
  return !stop.aborted;
}
