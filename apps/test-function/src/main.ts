/**
 * A function to try a relay with, told by its environment what to do. It prints whom it verified, what it sent and what it
 * got. Exit codes: 0 all rounds done, or stopped by a signal; 1 refused, or the connection failed; 2 bad environment.
 */
import type { Socket } from "node:net";
import { RelayRefused } from "@serverless-relay/client";
import { converse } from "./conversation.ts";
import { BadEnvironment, MODES, readEnvironment, type Task } from "./environment.ts";
import { reachPeer } from "./reach.ts";

const BAD_ENVIRONMENT = 2;
const FAILED = 1;
/** What was written may take this long to leave when a signal ends it all. */
const FLUSH_MS = 500;

process.exitCode = await run();

async function run(): Promise<number> {
  try {
    const task = readEnvironment(process.env);
    return await perform(task);
  } catch (error) {
    if (!(error instanceof BadEnvironment)) throw error;
    process.stderr.write(`test-function: ${error.message}\n`);
    return BAD_ENVIRONMENT;
  }
}

async function perform(task: Task): Promise<number> {
  const print = (text: string): void => void process.stdout.write(`${task.name}: ${text}\n`);
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort(`stopped by ${name}`));
  let socket: Socket | null = null;
  try {
    socket = await reachPeer(task, print, stop.signal);
    const connected = socket;
    stop.signal.addEventListener("abort", () => leave(connected));
    await converse(socket, task.mode === null ? null : MODES[task.mode].role, task, print, stop.signal);
    return 0;
  } catch (error) {
    if (stop.signal.aborted) {
      print(String(stop.signal.reason));
      return 0;
    }
    socket?.destroy();
    process.stderr.write(`${task.name}: ${complaint(error)}\n`);
    return FAILED;
  }
}

/** The peer is told, by close_notify and FIN, if it still listens. */
function leave(socket: Socket): void {
  const giveUp = setTimeout(() => socket.destroy(), FLUSH_MS);
  socket.once("close", () => clearTimeout(giveUp));
  socket.end(() => socket.destroy());
}

function complaint(error: unknown): string {
  if (error instanceof RelayRefused) return `refused: ${error.status} ${error.message}`;
  return error instanceof Error ? error.message || error.name : String(error);
}
