/** A function with the SDK: it dials some relay, and another one if that fails, until it has talked to its peer. */
import { setTimeout as after } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { connect } from "@serverless-relay/client";
import type { FunctionFiles } from "@serverless-relay/testkit";
import type { EndHistory, Meeting } from "./history.ts";

export interface Wanderer {
  readonly pair: string;
  readonly name: "f1" | "f2";
  readonly files: FunctionFiles;
  /** ports of the relays that it may dial, in the order in which it tries them */
  readonly ports: readonly number[];
  readonly transport: "raw" | "tls";
  /** it gives up then */
  readonly deadlineMs: number;
}

/** How long it asks to be parked: it is told within that, or its relay is stopped or dead. */
const WAIT_S = 2;
const LONGEST_MS = 5_000;
const RETRY_MS = 30;

export async function wander({ deadlineMs, ...wanderer }: Wanderer): Promise<EndHistory> {
  const { pair, name, ports } = wanderer;
  const meetings: Meeting[] = [];
  const givesUpAt = performance.now() + deadlineMs;
  for (let attempt = 0; performance.now() < givesUpAt; attempt++) {
    const meeting = await meetAt(wanderer, ports[attempt % ports.length] ?? 0);
    if (meeting !== null) meetings.push(meeting);
    if (meeting?.heard) return { pair, name, meetings, outcome: "talked" };
    await after(RETRY_MS);
  }
  return { pair, name, meetings, outcome: "gave up" };
}

/** Null if it did not come to a session. */
async function meetAt(
  { pair, name, files, transport }: Omit<Wanderer, "deadlineMs">,
  port: number,
): Promise<Meeting | null> {
  const peer = name === "f1" ? "f2" : "f1";
  const role = name === "f1" ? "client" : "server";
  const identity = { cert: files.cert, key: files.key, ca: files.ca };
  const options = { peer, identity, channel: pair, role, transport, wait: WAIT_S, timeout: LONGEST_MS } as const;
  const connection = await connect({ relay: `127.0.0.1:${port}`, ...options }).catch(() => null);
  if (connection === null) return null;
  const { socket, session } = connection;
  socket.write(`${JSON.stringify({ pair, name })}\n`);
  const heard = await readLine(socket);
  if (heard === null) socket.destroy();
  else hangUp(socket);
  return { pair, name, session, heard };
}

/** What the peer says of itself; null if it says nothing, for the connection broke. */
async function readLine(socket: TLSSocket): Promise<Meeting["heard"]> {
  let text = "";
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const gone = (): void => resolve(null);
  const late = setTimeout(gone, LONGEST_MS);
  const onData = (chunk: Buffer): void => {
    text += chunk.toString();
    if (text.includes("\n")) resolve(text);
  };
  socket.on("error", gone).on("data", onData).once("close", gone).once("end", gone);
  const line = await promise;
  clearTimeout(late);
  socket.off("data", onData);
  return line === null ? null : (JSON.parse(line) as Meeting["heard"]);
}

/** Not before the peer has heard, too: closing sooner might be a reset to it. If it never ends, its relay is gone. */
function hangUp(socket: TLSSocket): void {
  socket.end();
  const close = (): void => void socket.destroy();
  const limit = setTimeout(close, LONGEST_MS);
  socket.once("close", () => clearTimeout(limit));
  if (socket.readableEnded) close();
  else socket.resume().once("end", close);
}
