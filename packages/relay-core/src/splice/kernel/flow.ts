/**
 * One direction of a session: bytes from one socket to the other, by way of a pipe, as far as they go without waiting.
 *
 * Order: what is `pending` (heads, and bytes that were read before the sockets came here), then what is in the pipe, then
 * what is in the source socket. A further read waits until the pipe is empty: so EAGAIN says which side it is.
 */
import type { Allowance } from "../allowance.ts";
import type { Pipe, PipePool } from "./pipe-pool.ts";
import { EAGAIN, EINTR, peek, read, shutdownWrite, splice, write } from "./syscalls.ts";

/** One of the two sockets, and what epoll said of it last. */
export interface Endpoint {
  readonly fd: number;
  /** there may be something to read: data, or the end */
  readable: boolean;
  /** there may be room to write */
  writable: boolean;
  /** FIN has come: nothing more will make it readable */
  ended: boolean;
  /** TCP's urgent data has come (RFC 9293, section 3.8.5): splice(2) never passes its mark, and read(2) does */
  urgent: boolean;
}

/** A connection of the session broke, or a system call failed in a way that nobody foresaw. */
export interface Failure {
  readonly side: "source" | "sink";
  readonly errno: number;
}

/** `waiting`: until epoll says otherwise. `more`: the turn's budget is used up. `throttled`: until the allowance is due. */
export type Step = "waiting" | "more" | "throttled" | "done" | Failure;

/** Where no pipe can be had, or none will do, bytes go through here: slower, never wrong. One buffer serves a whole thread. */
const copyBuffer = Buffer.alloc(64 * 1024);

export class Flow {
  readonly source: Endpoint;
  readonly sink: Endpoint;
  #pending: Buffer | null;
  #pipe: Pipe | null = null;
  #inPipe = 0;
  /** bytes read of the source */
  #read = 0;
  #sourceEnded = false;
  #done = false;
  /** bytes delivered */
  delivered = 0;

  constructor(source: Endpoint, sink: Endpoint, pending: Buffer | null) {
    this.source = source;
    this.sink = sink;
    this.#pending = pending;
  }

  get done(): boolean {
    return this.#done;
  }

  /** Moves up to about `budget` bytes, and no more than `allowance` has, if there is one. */
  advance(budget: number, pipes: PipePool, allowance: Allowance | null): Step {
    let left = budget;
    while (!this.#done) {
      if (this.#pending !== null) {
        const length = this.#pending.length;
        const failure = this.#writePending();
        if (failure !== null) return failure;
        if (this.#pending !== null) return "waiting";
        left -= length;
      } else if (this.#inPipe > 0) {
        if (!this.sink.writable) return "waiting";
        const moved = this.#drainPipe();
        if (typeof moved !== "number") return moved;
        left -= moved;
      } else if (this.#sourceEnded) {
        return this.#finish(pipes);
      } else if (!this.source.readable) {
        this.#letGoOfPipe(pipes);
        return "waiting";
      } else if (left <= 0) {
        return "more";
      } else if (allowance === null) {
        const failure = this.#fill(pipes, Number.POSITIVE_INFINITY);
        if (failure !== null) return failure;
      } else {
        const allowed = allowance.take();
        if (allowed === 0) {
          this.#letGoOfPipe(pipes);
          return "throttled";
        }
        const before = this.#read;
        const failure = this.#fill(pipes, allowed);
        allowance.spend(this.#read - before);
        if (failure !== null) return failure;
      }
    }
    return "done";
  }

  /** The session is over, finished or not. */
  release(pipes: PipePool): void {
    this.#done = true;
    if (this.#pipe === null) return;
    if (this.#inPipe > 0) pipes.discard(this.#pipe);
    else pipes.release(this.#pipe);
    this.#pipe = null;
  }

  /** Reads once, `most` bytes or fewer. */
  #fill(pipes: PipePool, most: number): Failure | null {
    if (this.source.urgent) return this.#fillByCopy(most);
    this.#pipe ??= pipes.acquire();
    const pipe = this.#pipe;
    if (pipe === null) return this.#fillByCopy(most);
    const moved = splice(this.source.fd, pipe.writeEnd, Math.min(pipe.capacity, most));
    if (moved > 0) {
      this.#inPipe = moved;
      this.#read += moved;
      // Fewer bytes than the pipe has slots: it was the socket that ran out, and new data will be told of, as urgent data is
      // that it stopped at. Unless the end is next: that has been told already.
      if (moved < pipe.slots && moved < most && !this.source.ended) this.source.readable = false;
      return null;
    }
    return this.#notFilled(moved);
  }

  #fillByCopy(most: number): Failure | null {
    const got = read(this.source.fd, most < copyBuffer.length ? copyBuffer.subarray(0, most) : copyBuffer);
    if (got <= 0) return this.#notFilled(got);
    this.#read += got;
    this.delivered += got;
    this.#pending = Buffer.from(copyBuffer.subarray(0, got));
    return null;
  }

  /** The end, nothing just now, or a failure. */
  #notFilled(returned: number): Failure | null {
    if (returned === -EINTR) return null;
    const next = returned === 0 ? peek(this.source.fd) : returned; // never a false end
    if (next === -EAGAIN) {
      this.source.readable = false;
      this.source.urgent = false;
    } else if (next === 0) this.#sourceEnded = true;
    else if (next > 0)
      this.source.urgent = true; // there is more, and splice stands before it
    else if (next !== -EINTR) return { side: "source", errno: -next };
    return null;
  }

  #drainPipe(): number | Failure | "waiting" {
    const pipe = this.#pipe;
    if (pipe === null) return "waiting";
    const moved = splice(pipe.readEnd, this.sink.fd, this.#inPipe);
    if (moved > 0) {
      this.#inPipe -= moved;
      this.delivered += moved;
      return moved;
    }
    if (moved === -EINTR) return 0;
    if (moved === -EAGAIN) {
      this.sink.writable = false;
      return "waiting";
    }
    return { side: "sink", errno: -moved };
  }

  #writePending(): Failure | null {
    while (this.#pending !== null && this.sink.writable) {
      const written = write(this.sink.fd, this.#pending);
      if (written === -EAGAIN) this.sink.writable = false;
      else if (written < 0 && written !== -EINTR) return { side: "sink", errno: -written };
      else if (written > 0) {
        this.#pending = written === this.#pending.length ? null : this.#pending.subarray(written);
      }
    }
    return null;
  }

  #finish(pipes: PipePool): Step {
    this.#letGoOfPipe(pipes);
    const failed = shutdownWrite(this.sink.fd);
    if (failed < 0) return { side: "sink", errno: -failed };
    this.#done = true;
    return "done";
  }

  #letGoOfPipe(pipes: PipePool): void {
    if (this.#pipe !== null) pipes.release(this.#pipe);
    this.#pipe = null;
  }
}
