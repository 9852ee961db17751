/** Takes the file descriptor of a connection away from Node, and gives one back. */
import { Socket } from "node:net";
import type { BareLink } from "../../link.ts";
import { duplicate } from "./syscalls.ts";

/** What is left of a connection without Node: the descriptor, and what Node had read of it. */
export interface TakenOver {
  readonly fd: number;
  readonly readAhead: Buffer;
}

/**
 * The descriptor is duplicated and Node's socket destroyed: its close sends no FIN while the duplicate is open. Null if the
 * connection has broken, or no descriptor is to be had; then the link is as it was.
 */
export function takeOver({ socket, readAhead }: BareLink): TakenOver | null {
  const held = descriptorOf(socket);
  if (socket.destroyed || held === null) return null;
  const fd = duplicate(held);
  if (fd < 0) return null;
  const read = [readAhead];
  for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
    read.push(chunk);
  }
  socket.on("error", () => {});
  socket.destroy();
  return { fd, readAhead: joined(read) };
}

const NOTHING = Buffer.alloc(0);

/** Mostly there is nothing; and thousands may be parked with it. */
function joined(chunks: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(chunks);
  return bytes.length === 0 ? NOTHING : bytes;
}

/** A paused socket over a descriptor that was taken over before. */
export function giveBack({ fd, readAhead }: TakenOver): BareLink {
  const socket = new Socket({ fd, allowHalfOpen: true, readable: true, writable: true });
  socket.pause();
  return { kind: "bare", socket, readAhead };
}

/** Node has no public word for it. Null where this Node keeps it elsewhere, or there is none any more. */
export function descriptorOf(socket: Socket): number | null {
  const handle: unknown = "_handle" in socket ? socket._handle : null;
  if (typeof handle !== "object" || handle === null || !("fd" in handle)) return null;
  return typeof handle.fd === "number" && handle.fd >= 0 ? handle.fd : null;
}
