/**
 * The system calls of the kernel data plane, through koffi. Each returns what the kernel returned, or the negated errno: no
 * exception and no allocation on the way of the bytes. Linux, x64 and arm64, glibc and musl.
 */
import { constants } from "node:os";
import koffi from "koffi";
import type { TcpState } from "../answers.ts";

export const { EAGAIN, EINTR } = constants.errno;

export const EPOLLIN = 0x001;
export const EPOLLPRI = 0x002;
export const EPOLLOUT = 0x004;
export const EPOLLERR = 0x008;
export const EPOLLHUP = 0x010;
export const EPOLLRDHUP = 0x2000;
export const EPOLLET = 0x8000_0000;

export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;

const SPLICE_FLAGS = 0x01 | 0x02; // SPLICE_F_MOVE | SPLICE_F_NONBLOCK
const PIPE_FLAGS = 0o2000000 | 0o4000; // O_CLOEXEC | O_NONBLOCK
const EFD_FLAGS = PIPE_FLAGS;
const F_DUPFD_CLOEXEC = 1030;
const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
const FIONREAD = 0x541b;
const SOL_SOCKET = 1;
const SO_LINGER = 13;
const IPPROTO_TCP = 6;
const SO_KEEPALIVE = 9;
const SO_OOBINLINE = 10;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const TCP_INFO = 11;
const SHUT_WR = 1;
const MSG_PEEK_NOW = 0x02 | 0x40; // MSG_PEEK | MSG_DONTWAIT

// The symbols of this very process: Node is linked to the C library, whichever that is.
const libc = koffi.load(null);
const c = {
  close: libc.func("int close(int)"),
  dup: libc.func("int fcntl(int, int, int)"),
  epollCreate: libc.func("int epoll_create1(int)"),
  epollCtl: libc.func("int epoll_ctl(int, int, int, void *)"),
  epollWait: libc.func("int epoll_wait(int, void *, int, int)"),
  eventfd: libc.func("int eventfd(unsigned int, int)"),
  getsockopt: libc.func("int getsockopt(int, int, int, void *, void *)"),
  ioctl: libc.func("int ioctl(int, unsigned long, void *)"),
  pipe: libc.func("int pipe2(void *, int)"),
  read: libc.func("long read(int, void *, size_t)"),
  recv: libc.func("long recv(int, void *, size_t, int)"),
  setsockopt: libc.func("int setsockopt(int, int, int, void *, unsigned int)"),
  shutdown: libc.func("int shutdown(int, int)"),
  splice: libc.func("long splice(int, void *, int, void *, size_t, unsigned int)"),
  write: libc.func("long write(int, void *, size_t)"),
};

function result(returned: number): number {
  return returned >= 0 ? returned : -koffi.errno();
}

const pair = Buffer.alloc(8);

export const epollCreate = (): number => result(c.epollCreate(0o2000000));
export const epollCtl = (epoll: number, operation: number, fd: number, event: Uint8Array | null): number =>
  result(c.epollCtl(epoll, operation, fd, event));
/** Waits up to `timeoutMs`; -1: for ever. */
export const epollWait = (epoll: number, events: Uint8Array, max: number, timeoutMs: number): number =>
  result(c.epollWait(epoll, events, max, timeoutMs));
export const eventfd = (): number => result(c.eventfd(0, EFD_FLAGS));
export const close = (fd: number): number => result(c.close(fd));
/** A new number for the same open file, closed on exec. */
export const duplicate = (fd: number): number => result(c.dup(fd, F_DUPFD_CLOEXEC, 0));
export const splice = (from: number, to: number, bytes: number): number =>
  result(c.splice(from, null, to, null, bytes, SPLICE_FLAGS));
export const read = (fd: number, into: Uint8Array): number => result(c.read(fd, into, into.length));
export const write = (fd: number, bytes: Uint8Array): number => result(c.write(fd, bytes, bytes.length));
/** The next byte of a socket stays where it is. 0: the peer has ended. */
export const peek = (fd: number): number => result(c.recv(fd, pair, 1, MSG_PEEK_NOW));
/** Sends FIN. */
export const shutdownWrite = (fd: number): number => result(c.shutdown(fd, SHUT_WR));

/** Bytes that wait in a socket to be read. */
export function readable(fd: number): number {
  const failed = result(c.ioctl(fd, FIONREAD, pair));
  return failed < 0 ? failed : pair.readInt32LE(0);
}

/** Both ends of a new pipe, or the negated errno. */
export function pipe(): [number, number] | number {
  const failed = result(c.pipe(pair, PIPE_FLAGS));
  return failed < 0 ? failed : [pair.readInt32LE(0), pair.readInt32LE(4)];
}

/** Asks for a pipe of `bytes`; negated errno (EPERM) where this user may have no more of them. */
export const setPipeSize = (fd: number, bytes: number): number => result(c.dup(fd, F_SETPIPE_SZ, bytes));
export const pipeSize = (fd: number): number => result(c.dup(fd, F_GETPIPE_SZ, 0));

/**
 * Has a connection on which nothing moves probed after half of `ms`, and broken when all probes of the other half are lost. The
 * kernel counts in seconds. It sends none while there is something to send: tcpState() is for that.
 */
export function setKeepAlive(fd: number, ms: number): void {
  const seconds = (share: number) => Math.max(1, Math.round((ms * share) / 1000));
  setOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  setOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds(1 / 2));
  setOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds(1 / 2 / PROBES));
  setOption(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
}

const PROBES = 6;

/** A byte that its sender calls urgent stays in its place among the others, where recv(2) would leave it out (RFC 6093, section 5). */
export const keepUrgentInLine = (fd: number): void => setOption(fd, SOL_SOCKET, SO_OOBINLINE, 1);

function setOption(fd: number, level: number, option: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value, 0);
  c.setsockopt(fd, level, option, bytes, bytes.length);
}

/** Null if it is no connection any more. */
export function tcpState(fd: number): TcpState | null {
  lengthOfInfo.writeUInt32LE(info.length, 0);
  if (c.getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, lengthOfInfo) < 0) return null;
  const heardMs = info.readUInt32LE(INFO.heard);
  // Bytes that an end has no room for are sent again and again, and it answers each time: that they cannot be taken.
  const unanswered = info.readUInt32LE(INFO.unacked) > 0 && (info.readUInt32LE(INFO.sent) < heardMs || isFinAlone());
  // One probe may be lost; and Linux answers them twice a second at most.
  return { owes: unanswered || info.readUInt8(INFO.probes) > 1, heardMs };
}

/**
 * Whether all bytes in `info` have been acknowledged: a FIN bears none, and when it was sent is told nowhere. Where the relay has
 * dialled, its SYN counts as one that was acknowledged, and not as sent. False before Linux 4.19, which tells of none that were sent.
 */
function isFinAlone(): boolean {
  const sent = info.readBigUInt64LE(INFO.bytesSent);
  return sent > 0n && info.readBigUInt64LE(INFO.bytesAcked) >= sent - info.readBigUInt64LE(INFO.bytesRetrans);
}

/**
 * Of struct tcp_info (linux/tcp.h): tcpi_probes, tcpi_unacked, tcpi_last_data_sent, tcpi_last_ack_recv, tcpi_bytes_acked,
 * tcpi_bytes_sent, tcpi_bytes_retrans. It has only ever been added to; an older kernel leaves the last of them as they are, 0.
 */
const INFO = {
  probes: 3,
  unacked: 24,
  sent: 44,
  heard: 56,
  bytesAcked: 120,
  bytesSent: 200,
  bytesRetrans: 208,
} as const;
const info = Buffer.alloc(216);
const lengthOfInfo = Buffer.alloc(4);

/** Closes with RST instead of FIN. */
export function reset(fd: number): void {
  const linger = Buffer.alloc(8);
  linger.writeInt32LE(1, 0); // on, for 0 seconds
  c.setsockopt(fd, SOL_SOCKET, SO_LINGER, linger, linger.length);
  close(fd);
}
