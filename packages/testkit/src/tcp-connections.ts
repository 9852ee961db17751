/** What the kernel knows of a TCP connection over loopback: whether the process at the other end has read what was sent. */
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { until } from "./until.ts";

/** Resolves once the process at the other end of `socket` (IPv4, on this machine) has read all that was written to it. */
export async function readByPeer(socket: Socket): Promise<void> {
  const near = [socket.remotePort, socket.localPort].map(hexPort); // as the other end sees it: local, remote
  await until("the other end has read what was sent", async () => {
    if (socket.writableLength > 0) return false;
    const rows = (await readFile("/proc/net/tcp", "latin1")).split("\n").map((row) => row.trim().split(/\s+/));
    const row = rows.find(
      ([, local = "", remote = ""]) => local.endsWith(`:${near[0]}`) && remote.endsWith(`:${near[1]}`),
    );
    return row?.[4]?.split(":")[1] === "00000000"; // tx_queue:rx_queue
  });
}

function hexPort(port: number | undefined): string {
  return (port ?? 0).toString(16).toUpperCase().padStart(4, "0");
}
