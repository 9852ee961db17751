/**
 * What systemd's protocols need of the C library and Node does not offer: datagrams over Unix sockets, and what an
 * inherited socket is bound to. Linux; loaded only where systemd started relayd, for koffi is a native module.
 */
import { constants } from "node:os";
import koffi from "koffi";

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_FLAGS = 0x40 | 0x4000; // MSG_DONTWAIT | MSG_NOSIGNAL
const F_DUPFD_CLOEXEC = 1030;
/** struct sockaddr_un; the others are smaller */
const ADDRESS_BYTES = 110;
const PATH_AT = 2;

const libc = koffi.load(null);
const c = {
  close: libc.func("int close(int)"),
  fcntl: libc.func("int fcntl(int, int, int)"),
  getsockname: libc.func("int getsockname(int, void *, void *)"),
  sendto: libc.func("long sendto(int, void *, size_t, int, void *, unsigned int)"),
  socket: libc.func("int socket(int, int, int)"),
};

function result(returned: number): number {
  return returned >= 0 ? returned : -koffi.errno();
}

const names = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** "EACCES", of a negated errno. */
export function errorName(failed: number): string {
  return names.get(-failed) ?? `errno ${-failed}`;
}

/** A socket to send datagrams from, or the negated errno. */
export const datagramSocket = (): number => result(c.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));

/** @param path of a Unix socket, or "@NAME" of an abstract one */
export function sendTo(fd: number, path: string, message: string): number {
  const bytes = Buffer.from(message);
  const address = Buffer.alloc(ADDRESS_BYTES);
  address.writeUInt16LE(AF_UNIX, 0);
  const length = PATH_AT + address.write(path, PATH_AT);
  if (path.startsWith("@")) address[PATH_AT] = 0;
  return result(c.sendto(fd, bytes, bytes.length, MSG_FLAGS, address, length));
}

export type BoundAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/** What a socket is bound to; null if it is no stream socket's kind of address, or none at all. */
export function boundAddress(fd: number): BoundAddress | null {
  const address = Buffer.alloc(ADDRESS_BYTES);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(ADDRESS_BYTES);
  if (c.getsockname(fd, address, length) < 0) return null;
  switch (address.readUInt16LE(0)) {
    case AF_UNIX:
      return { path: address.toString("utf8", PATH_AT, length.readUInt32LE()).split("\0", 1)[0] ?? "" };
    case AF_INET:
      return { host: address.subarray(4, 8).join("."), port: address.readUInt16BE(2) };
    case AF_INET6: {
      const groups = Array.from({ length: 8 }, (_, index) => address.readUInt16BE(8 + 2 * index).toString(16));
      return { host: new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1), port: address.readUInt16BE(2) };
    }
    default:
      return null;
  }
}

/** A new number for the same socket, closed on exec. Negated errno if there is none to be had. */
export const duplicate = (fd: number): number => result(c.fcntl(fd, F_DUPFD_CLOEXEC, 3));
export const closeDescriptor = (fd: number): number => result(c.close(fd));
