/** A function with the SDK: it dials some relay, and another one if that fails, until it has talked to its peer. */
import { setTimeout as after } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { connect, RelayRefused, RelayTimeout } from "@serverless-relay/client";
import type { FunctionFiles } from "@serverless-relay/testkit";
import type { Attempt, EndHistory } from "./history.ts";

/** A relay, as functions dial it. */
export interface Door {
  readonly host: string;
  readonly port: number;
}

export interface Wanderer {
  readonly pair: string;
  readonly name: "f1" | "f2";
  /** of which relay it dials first; then the next one, and so on */
  readonly firstDoor: number;
  readonly transport: "raw" | "tls";
  readonly startsAfterMs: number;
  /** it gives up then */
  readonly deadlineMs: number;
  /** dials the same relay again and again; default: the next one */
  readonly stays?: boolean;
}

export type Identity = Pick<FunctionFiles, "cert" | "key" | "ca">;

/** How long it asks to be parked. */
const WAIT_S = 2;
/** By then it has been told, or its relay is stopped or dead: a grant to a relay that does not come may take 3 s more. */
const LONGEST_MS = 7_000;
const RETRY_MS = 30;

export async function wander(wanderer: Wanderer, identity: Identity, doors: readonly Door[]): Promise<EndHistory> {
  const { pair, name, firstDoor, startsAfterMs, deadlineMs, stays = false } = wanderer;
  await after(startsAfterMs);
  const attempts: Attempt[] = [];
  const givesUpAt = performance.now() + deadlineMs;
  const step = stays ? 0 : 1;
  for (let door = firstDoor; performance.now() < givesUpAt; door = (door + step) % doors.length) {
    const begun = Date.now();
    const seen = await meetAt(wanderer, identity, doors[door] ?? { host: "", port: 0 });
    attempts.push({ relay: door, begun, ended: Date.now(), ...seen });
    if (seen.heard !== null) return { pair, name, attempts, outcome: "talked" };
    await after(RETRY_MS);
  }
  return { pair, name, attempts, outcome: "gave up" };
}

async function meetAt(
  { pair, name, transport }: Wanderer,
  identity: Identity,
  relay: Door,
): Promise<Omit<Attempt, "relay" | "begun" | "ended">> {
  let session: string | null = null;
  try {
    const { socket } = await connect({
      relay,
      servername: "localhost",
      peer: name === "f1" ? "f2" : "f1",
      role: name === "f1" ? "client" : "server",
      identity,
      channel: pair,
      transport,
      wait: WAIT_S,
      timeout: LONGEST_MS,
      onPaired: (pairing) => {
        session = pairing.session;
      },
    });
    socket.write(`${JSON.stringify({ pair, name })}\n`);
    const heard = await readLine(socket);
    if (heard === null) socket.destroy();
    else hangUp(socket);
    return { session, heard, told: true };
  } catch (error) {
    const told = session !== null || error instanceof RelayRefused || !(error instanceof RelayTimeout);
    return { session, heard: null, told, ...(error instanceof RelayRefused && { reason: error.reason }) };
  }
}

/** What the peer says of itself; null if it says nothing, for the connection broke. */
async function readLine(socket: TLSSocket): Promise<Attempt["heard"]> {
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
  return line === null ? null : (JSON.parse(line) as Attempt["heard"]);
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
