/** The Linux of answers.ts, for connections that are Node's. */
import type { Tcp } from "../answers.ts";
import { descriptorOf } from "./hand-over.ts";
import { setKeepAlive, tcpState } from "./syscalls.ts";

export const linuxTcp: Tcp = {
  probe(socket, withinMs) {
    const fd = descriptorOf(socket);
    if (fd !== null) setKeepAlive(fd, withinMs);
  },
  stateOf(socket) {
    const fd = descriptorOf(socket);
    return fd === null ? null : tcpState(fd);
  },
};
