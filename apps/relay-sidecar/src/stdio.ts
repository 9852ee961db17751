/** One connection, carried over standard input and output: what ssh calls a ProxyCommand. */
import { closeSync, fstatSync, openSync } from "node:fs";
import { Socket } from "node:net";
import { Duplex, type Writable } from "node:stream";
import { type ConnectOptions, carry, RelayError } from "@serverless-relay/client";
import { Exit, Failure } from "./failure.ts";
import { errorFields, type Logger } from "./log.ts";
import { reachPeer } from "./reach-peer.ts";

const STDOUT = 1;

/**
 * Resolves when both directions have ended. Rejects as `connect` does, and with a Failure if the connection was broken off. A
 * signal ends the process, as it does others: the peer finds the connection broken off.
 */
export async function forwardStdio(options: ConnectOptions, log: Logger): Promise<void> {
  const { peer } = options;
  const { signal } = new AbortController();
  const asked = { ...options, role: "client", allowHalfOpen: true, signal } as const;
  const connection = await reachPeer(asked, (error, delayMs) => {
    log.warn({ peer, ...errorFields(error), againInMs: delayMs }, "not connected yet");
  });
  log.info({ peer, session: connection.session }, "connected");
  const local = Duplex.from({ readable: process.stdin, writable: openOutput() });
  try {
    await carry(local, connection.socket);
  } catch (error) {
    if (error instanceof RelayError) throw error;
    throw new Failure(`the connection to ${peer} was broken off: ${errorFields(error).error}`, Exit.brokenOff, error);
  }
}

/**
 * Standard output as a stream that can be ended. process.stdout is written to synchronously where it is a pipe, so that a
 * reader that waits for us to read first would wait for ever; and it is never closed, so that a reader would not see the end.
 */
function openOutput(): Writable {
  const kind = fstatSync(STDOUT);
  if (!kind.isFIFO() && !kind.isSocket()) return process.stdout;
  const output = new Socket({ fd: STDOUT, readable: false, writable: true, allowHalfOpen: true });
  if (kind.isFIFO()) output.once("close", closeStdout);
  return output;
}

/** libuv closes no descriptor below 3. Another file takes the place, so that no connection ever gets that number. */
function closeStdout(): void {
  closeSync(STDOUT);
  openSync("/dev/null", "w");
}
