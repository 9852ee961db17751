/** A set of file descriptors watched with edge-triggered epoll. Events carry an id that is never used twice. */
import {
  close,
  EINTR,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLET,
  epollCreate,
  epollCtl,
  epollWait,
} from "./syscalls.ts";

/** struct epoll_event is packed on x64 alone. */
const LAYOUT = process.arch === "x64" ? { size: 12, data: 4 } : { size: 16, data: 8 };
const MAX_EVENTS = 512;
const TWO_32 = 2 ** 32;

export class Epoll {
  readonly #fd: number;
  readonly #events = Buffer.alloc(MAX_EVENTS * LAYOUT.size);
  readonly #event = Buffer.alloc(LAYOUT.size);

  constructor() {
    this.#fd = epollCreate();
    if (this.#fd < 0) throw new Error(`epoll_create1: errno ${-this.#fd}`);
  }

  /** `id`: a whole number below 2^53, which comes back with each event. Negated errno if it failed. */
  add(fd: number, id: number, mask: number): number {
    return epollCtl(this.#fd, EPOLL_CTL_ADD, fd, this.#encode(id, mask));
  }

  /** From now on for `mask`; what is the case already is told again. */
  change(fd: number, id: number, mask: number): number {
    return epollCtl(this.#fd, EPOLL_CTL_MOD, fd, this.#encode(id, mask));
  }

  remove(fd: number): void {
    epollCtl(this.#fd, EPOLL_CTL_DEL, fd, null);
  }

  /** Waits for an event up to `timeoutMs` (-1: for ever). How many there are: to be gone through by `each`. */
  wait(timeoutMs: number): number {
    const count = epollWait(this.#fd, this.#events, MAX_EVENTS, timeoutMs);
    if (count === -EINTR) return 0;
    if (count < 0) throw new Error(`epoll_wait: errno ${-count}`);
    return count;
  }

  /** Calls `onEvent` for each of the `count` events that `wait` has found. */
  each(count: number, onEvent: (id: number, events: number) => void): void {
    for (let index = 0; index < count; index++) {
      const at = index * LAYOUT.size;
      const low = this.#events.readUInt32LE(at + LAYOUT.data);
      const high = this.#events.readUInt32LE(at + LAYOUT.data + 4);
      onEvent(high * TWO_32 + low, this.#events.readUInt32LE(at));
    }
  }

  close(): void {
    close(this.#fd);
  }

  #encode(id: number, mask: number): Buffer {
    this.#event.writeUInt32LE((mask | EPOLLET) >>> 0, 0);
    this.#event.writeUInt32LE(id % TWO_32, LAYOUT.data);
    this.#event.writeUInt32LE(Math.floor(id / TWO_32), LAYOUT.data + 4);
    return this.#event;
  }
}
