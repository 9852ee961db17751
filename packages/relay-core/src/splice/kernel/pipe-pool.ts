/**
 * Pipes for splice, held by a flow only while bytes are in them. Invariants: a pipe in the pool is empty; a pipe that is not
 * empty is closed, never pooled, or bytes of one session would reach another.
 */
import { close, pipe, pipeSize, setPipeSize } from "./syscalls.ts";

/** More than halves the CPU per byte against the usual 64 KiB; but a user who is not root has 64 MiB of pipes in all. */
const LARGE = 1 << 20;
const PAGE = 4096;
/** Empty pipes that are kept for the next burst. */
const KEPT = 64;

export interface Pipe {
  readonly readEnd: number;
  readonly writeEnd: number;
  readonly large: boolean;
  /** bytes that it can hold, at best */
  readonly capacity: number;
  /** buffers that it can hold, each of at least one byte */
  readonly slots: number;
}

export class PipePool {
  readonly #free: Pipe[] = [];
  readonly #freeLarge: Pipe[] = [];
  readonly #most: number;
  #mayBeLarge: number;
  #open = 0;

  /** @param most how many pipes there may be at once, and how many of them large */
  constructor(most: { readonly pipes: number; readonly large: number }) {
    this.#most = most.pipes;
    this.#mayBeLarge = most.large;
  }

  /** Pipes that are open, in use or not. */
  get open(): number {
    return this.#open;
  }

  /** An empty pipe, a large one if there is one to be had; null if there is none at all. */
  acquire(): Pipe | null {
    const large = this.#freeLarge.pop();
    if (large !== undefined) return large;
    if (this.#mayBeLarge === 0) {
      const small = this.#free.pop();
      if (small !== undefined) return small;
    }
    return this.#make();
  }

  release(empty: Pipe): void {
    const pool = empty.large ? this.#freeLarge : this.#free;
    if (pool.length < KEPT) pool.push(empty);
    else this.discard(empty);
  }

  /** For a pipe that is not empty. */
  discard(used: Pipe): void {
    close(used.readEnd);
    close(used.writeEnd);
    if (used.large) this.#mayBeLarge++;
    this.#open--;
  }

  /** Closes those that are not in use. */
  close(): void {
    for (const pool of [this.#free, this.#freeLarge]) {
      for (const unused of pool.splice(0)) this.discard(unused);
    }
  }

  #make(): Pipe | null {
    const made = this.#open < this.#most ? pipe() : null;
    if (made === null || typeof made === "number") return this.#free.pop() ?? null;
    const [readEnd, writeEnd] = made;
    this.#open++;
    let large = false;
    if (this.#mayBeLarge > 0) {
      large = setPipeSize(writeEnd, LARGE) >= LARGE;
      // Not allowed any more of them: do not ask each time.
      this.#mayBeLarge = large ? this.#mayBeLarge - 1 : 0;
    }
    const capacity = large ? LARGE : Math.max(PAGE, pipeSize(writeEnd)); // a page at least, if the kernel does not say
    return { readEnd, writeEnd, large, capacity, slots: Math.floor(capacity / PAGE) };
  }
}
