/** What every row of the table is: something that carries bytes between two ends, and can be started. */
import type { Ground } from "./ground.ts";
import { findProgram, Program } from "./program.ts";

export interface Peer {
  /** for --only, and in the JSON */
  readonly name: string;
  /** for people */
  readonly title: string;
  /** how it was configured, as far as that matters, in one line */
  readonly how: string;
  /** what has to be installed; null if nothing has */
  readonly program: string | null;
  /** both ends show a certificate, and it is checked: setting up a pair is measured for these alone */
  readonly authenticated: boolean;
  /** one end may wait for the other; otherwise nothing is ever parked */
  readonly parks: boolean;
  /** the most idle sessions that it is fair to ask of it; default: as many as are asked for */
  readonly mostIdle?: number;
  /** whether it belongs to a quick run */
  readonly quick: boolean;
  /** targets are about it: it is measured more often beside idle sessions */
  readonly closely?: boolean;
  start(ground: Ground): Promise<RunningPeer>;
}

export interface RunningPeer {
  /** its first process, or null if there is none between the ends; all that it forks counts, too */
  readonly pid: number | null;
  /** the way in which a pair meets through it, as arguments for the load */
  readonly way: readonly string[];
  stop(): Promise<void>;
}

export function isAbsent({ program }: Peer): boolean {
  return program !== null && findProgram(program) === null;
}

/** The arguments with which the load speaks TLS, as f1 and f2. */
export function tlsArguments({ ca, identities }: Ground): string[] {
  return ["--ca", ca, "--a-cert", identities.f1.both, "--b-cert", identities.f2.both];
}

/** The way through a proxy, which dials the end that listens on `target`. */
export function forwardWay(port: number, target: number): string[] {
  return ["forward", "--relay", at(port), "--listen", at(target)];
}

/** { port: 1 } as --port 1. */
export function flags(values: Readonly<Record<string, string | number>>, dash = "--"): string[] {
  return Object.entries(values).flatMap(([name, value]) => [`${dash}${name}`, String(value)]);
}

export function at(port: number): string {
  return `127.0.0.1:${port}`;
}

interface Launch {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly directory: string;
  readonly way: readonly string[];
  /** a port that it accepts on, or what it prints, when it is ready */
  readonly ready: number | RegExp;
}

/** Starts a peer's process, and waits until it is ready. */
export async function launch({ name, command, args, directory, way, ready }: Launch): Promise<RunningPeer> {
  const program = new Program(findProgram(command) ?? command, args, {
    cwd: directory,
    log: `${directory}/${name}.log`,
  });
  try {
    await (typeof ready === "number" ? program.listens(ready) : program.logs(ready));
  } catch (error) {
    await program.stop();
    throw error;
  }
  return { pid: program.pid, way, stop: () => program.stop() };
}
