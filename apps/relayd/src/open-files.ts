/** How the file descriptors that this process may have are shared out, so that the control socket always gets one. */
import { readFileSync } from "node:fs";

/** For the store, the log, the control socket and its clients, listeners, and what Node itself has open. */
const OWN = 128;
/** Where the system does not tell. */
const USUAL_LIMIT = 1024;

export interface DescriptorShares {
  /** connections in all: being admitted, parked, in sessions */
  readonly connections: number;
  /** connections on their way in, which may be too many to stay */
  readonly handshakes: number;
  /** pipes to splice through, two descriptors each */
  readonly pipes: number;
}

/**
 * A quarter for pipes, most of the rest for connections; what is left over is for those on their way in, so that the relay can
 * tell them that it is full. Nobody can use up the files of the control socket.
 */
export function shareDescriptors(limit = openFilesLimit()): DescriptorShares {
  const pipes = Math.floor(limit / 8);
  const left = Math.max(0, limit - 2 * pipes - Math.min(OWN, Math.floor(limit / 4)));
  const connections = Math.max(2, Math.floor(left * 0.8));
  return { pipes, connections, handshakes: Math.max(1, left - connections) };
}

/** The limit of this process; Node has raised it as far as it may be raised. */
export function openFilesLimit(): number {
  try {
    const [, limit] = /^Max open files +([0-9]+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return limit === undefined ? USUAL_LIMIT : Number(limit);
  } catch {
    return USUAL_LIMIT;
  }
}
