/** What two functions say to each other, once they are connected, and how they end it. */
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Role } from "@serverless-relay/client";
import type { Task } from "./environment.ts";
import { Lines } from "./lines.ts";

/** The other end stopped before all rounds were through. */
class PeerLeft extends Error {
  override readonly name = "PeerLeft";
}

export type Print = (text: string) => void;

/**
 * Talks for the task's rounds, ends this side, and waits for the other's end. The client speaks first and the server
 * answers; without roles both speak first. Throws PeerLeft, or the connection's error.
 */
export async function converse(
  stream: Duplex,
  role: Role | null,
  { message, rounds, interval }: Task,
  print: Print,
  signal: AbortSignal,
): Promise<void> {
  const lines = new Lines(stream);
  const send = (round: number): void => {
    lines.send(message);
    print(`sent ${JSON.stringify(message)} (round ${round})`);
  };
  let done = 0;
  while (rounds === 0 || done < rounds) {
    const round = done + 1;
    if (role !== "server") send(round);
    const line = await lines.next();
    if (line === null) {
      if (rounds === 0) break; // there was no number of rounds to keep to
      throw new PeerLeft(`the other end closed the connection in round ${round} of ${rounds}`);
    }
    print(`got ${JSON.stringify(line)} (round ${round})`);
    if (role === "server") send(round);
    done = round;
    if (role !== "server" && done !== rounds) await sleep(interval, undefined, { signal });
  }
  lines.end();
  for (let line = await lines.next(); line !== null; line = await lines.next()) print(`got ${JSON.stringify(line)}`);
  print(`done, ${done} ${done === 1 ? "round" : "rounds"}`);
}
