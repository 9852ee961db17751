/** What the kernel knows of TCP connections over IPv4: who holds them, and whether what was sent has been read. */
import { readdir, readFile, readlink } from "node:fs/promises";
import type { Socket } from "node:net";
import { until } from "./until.ts";

/** Resolves once the process at the other end of `socket` (IPv4, on this machine) has read all that was written to it. */
export async function readByPeer(socket: Socket): Promise<void> {
  const [local, remote] = [socket.remotePort, socket.localPort].map(hexPort); // as the other end sees it
  const row = new RegExp(`:${local} [0-9A-F]+:${remote} [0-9A-F]+ [0-9A-F]+:([0-9A-F]+) `); // tx_queue:rx_queue
  await until("the other end has read what was sent", async () => {
    return socket.writableLength === 0 && Number.parseInt(row.exec(await table())?.[1] ?? "", 16) === 0;
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
  let count = 0;
  for (const [, state, inode] of (await table(pid)).matchAll(ROW)) {
    if (state !== LISTENING && held.has(`socket:[${inode}]`)) count++;
  }
  return count;
}

/** State and inode: sl local remote st tx:rx tr:when retrnsmt uid timeout inode. Those in TIME_WAIT have inode 0. */
const ROW = /^ *\d+: \S+ \S+ (\S+) \S+ \S+ \S+ +\d+ +\d+ ([1-9]\d*) /gm;
const LISTENING = "0A";

/** Documentation/networking/proc_net_tcp.rst of Linux: of the network that a process is in. It may have tens of thousands of rows. */
function table(pid = process.pid): Promise<string> {
  return readFile(`/proc/${pid}/net/tcp`, "latin1");
}

function hexPort(port: number | undefined): string {
  return (port ?? 0).toString(16).toUpperCase().padStart(4, "0");
}
