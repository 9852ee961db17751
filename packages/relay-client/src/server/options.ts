/** What `createServer` may be asked for. */
import type { TLSSocket } from "node:tls";
import type { RelayConnection } from "../connect.ts";
import { type ConnectOptions, type Pairing, planOf } from "../options.ts";

export interface ServerOptions
  extends Pick<
    ConnectOptions,
    "relay" | "peer" | "identity" | "relayCa" | "servername" | "channel" | "as" | "transport" | "allowHalfOpen" | "alpn"
  > {
  /** how many connections are kept parked at the relay for peers to come; default 4 */
  readonly backlog?: number | undefined;
  /** while this many connections are open, none is parked; default 1,000 */
  readonly maxConnections?: number | undefined;
  /** how long each is parked before it is parked anew, in seconds; the relay caps it; default 300 */
  readonly wait?: number | undefined;
  /** ends the server at once, as `destroy` does */
  readonly signal?: AbortSignal | undefined;
}

export interface ServerEvents {
  /** one more is parked; how many there are now */
  waiting: [parked: number];
  /** the relay has found a peer for one of them, which is verified next */
  paired: [pairing: Pairing];
  /** mTLS with the peer, which is verified */
  connection: [socket: TLSSocket, connection: RelayConnection];
  /** a pair came to nothing: the other end was not the peer, or it went away */
  failed: [error: Error];
  /** the relay could not be reached, or refused; it is tried again */
  retrying: [error: Error, delayMs: number];
  /** trying again would be of no use: the server is closing */
  error: [error: Error];
  /** nothing is parked, no connection is open, nothing will come */
  close: [];
}

/** How many connections, and what each asks for. */
export interface ServerPlan {
  readonly backlog: number;
  readonly maxConnections: number;
  readonly request: ConnectOptions;
}

/** Throws TypeError or RangeError, naming the option. */
export function serverPlanOf(options: ServerOptions): ServerPlan {
  const { backlog = 4, maxConnections = 1_000, wait = 300, signal: _, ...common } = options;
  checkCount("backlog", backlog);
  checkCount("maxConnections", maxConnections);
  const request: ConnectOptions = { ...common, wait, role: "server" };
  planOf(request);
  return { backlog, maxConnections, request };
}

function checkCount(option: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new RangeError(`${option}: ${JSON.stringify(value)} will not do: it is a whole number, 1 or more`);
}
