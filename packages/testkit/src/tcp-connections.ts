/** What the kernel knows of TCP connections over IPv4: who holds them, and whether what was sent has been read. */
import { readdir, readFile, readlink } from "node:fs/promises";
import type { Socket } from "node:net";
import { until } from "./until.ts";

/** Resolves once the process at the other end of `socket` (IPv4, on this machine) has read all that was written to it. */
export async function readByPeer(socket: Socket): Promise<void> {
  const near = [socket.remotePort, socket.localPort].map(hexPort); // as the other end sees it: local, remote
  await until("the other end has read what was sent", async () => {
    if (socket.writableLength > 0) return false;
    const row = (await connections()).find(
      ({ local, remote }) => local.endsWith(`:${near[0]}`) && remote.endsWith(`:${near[1]}`),
    );
    return row?.unread === 0;
  });
}

/** How many TCP connections this process holds; listening sockets do not count. */
export async function connectionsOf(pid: number): Promise<number> {
  const directory = `/proc/${pid}/fd`;
  // A descriptor that is closed meanwhile is one less to count.
  const targets = await Promise.all(
    (await readdir(directory)).map((fd) => readlink(`${directory}/${fd}`).catch(() => "")),
  );
  const held = new Set(targets);
  return (await connections()).filter(({ inode }) => held.has(`socket:[${inode}]`)).length;
}

interface Connection {
  /** address and port in hexadecimal: 0100007F:1F90 */
  readonly local: string;
  readonly remote: string;
  /** bytes in the receive queue */
  readonly unread: number;
  readonly inode: string;
}

const LISTENING = "0A";

/** The rows of /proc/net/tcp (Documentation/networking/proc_net_tcp.rst of Linux). */
async function connections(): Promise<Connection[]> {
  const [, ...rows] = (await readFile("/proc/net/tcp", "latin1")).trimEnd().split("\n");
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , , state]) => state !== LISTENING)
    .map(([, local = "", remote = "", , queues = "", , , , , inode = ""]) => {
      return { local, remote, unread: Number.parseInt(queues.split(":")[1] ?? "", 16), inode };
    });
}

function hexPort(port: number | undefined): string {
  return (port ?? 0).toString(16).toUpperCase().padStart(4, "0");
}
