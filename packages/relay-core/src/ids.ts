/** Ids of connections and sessions: for logs and people, not secrets. */
import { randomFillSync } from "node:crypto";
import type { Socket } from "node:net";

const ID_BYTES = 8;
/** Random bytes for many ids at once: asking for eight costs as much. */
const pool = Buffer.alloc(512 * ID_BYTES);
let used = pool.length;

/** 16 hexadecimal digits: as good as unique, and (unlike randomUUID's) one flat string, of which thousands may be held. */
export function newId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += ID_BYTES;
  return pool.toString("hex", used - ID_BYTES, used);
}

/** What events call a connection that has just been accepted. */
export function identify(socket: Socket): { connection: string; address: string } {
  return { connection: newId(), address: `${socket.remoteAddress}:${socket.remotePort}` };
}
