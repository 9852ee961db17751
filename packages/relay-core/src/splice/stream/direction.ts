/** One direction of a session: what one stream gives goes to the other, as fast as that takes it and the session may. */
import type { Duplex } from "node:stream";
import { free } from "@serverless-relay/protocol";
import type { Allowance } from "../allowance.ts";

const NOTHING = Buffer.alloc(0);

/** What a direction asks its session, and tells it. */
export interface Carrier {
  /** what the session may move, where that is limited */
  allowance(): Allowance | null;
  /** the session has ended */
  isOver(): boolean;
  delivered(bytes: number): void;
  /** there is more to deliver than the allowance has */
  throttled(): void;
  /** the sink has got all, and the end */
  done(): void;
}

export class Direction {
  readonly #source: Duplex;
  readonly #sink: Duplex;
  readonly #carrier: Carrier;
  /** read, and not to be delivered yet: from `#heldFrom` on */
  #held: Buffer | null = null;
  #heldFrom = 0;
  #ended = false;
  #ending = false;

  /** @param stay what the source sent while it was parked */
  constructor(source: Duplex, sink: Duplex, stay: { held: Buffer[]; ended: boolean }, carrier: Carrier) {
    this.#source = source;
    this.#sink = sink;
    this.#carrier = carrier;
    this.#held = stay.held.length === 0 ? null : Buffer.concat(stay.held);
    this.#ended = stay.ended;
    sink.on("drain", () => this.advance());
    sink.once("finish", () => carrier.done());
    source.on("data", this.#onData);
    if (!stay.ended) source.once("end", this.#onEnd);
    this.advance();
  }

  /** Delivers what is held, as far as that is allowed, and reads on when all is delivered. */
  advance(): void {
    if (this.#carrier.isOver()) return;
    while (this.#held !== null) {
      if (this.#sink.writableNeedDrain) return;
      const allowance = this.#carrier.allowance();
      const held = this.#held;
      const allowed = allowance === null ? held.length : allowance.take();
      if (allowed === 0) {
        this.#carrier.throttled();
        return;
      }
      const now = held.subarray(this.#heldFrom, this.#heldFrom + allowed);
      this.#heldFrom += now.length;
      allowance?.spend(now.length);
      const isLast = this.#heldFrom === held.length;
      if (isLast) this.#hold(null);
      this.#deliver(now, isLast ? held : null);
    }
    if (this.#ended) this.#endAfterAll();
    else if (!this.#sink.writableNeedDrain) this.#source.resume();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#carrier.allowance() === null && this.#held === null) {
      if (!this.#deliver(chunk, chunk)) this.#source.pause();
      return;
    }
    this.#source.pause();
    this.#carrier.allowance()?.nextTurn(); // others have been read from meanwhile
    this.#hold(this.#held === null ? chunk : Buffer.concat([this.#held.subarray(this.#heldFrom), chunk]));
    this.advance();
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    if (this.#held === null) this.#endAfterAll();
  };

  #hold(bytes: Buffer | null): void {
    this.#held = bytes;
    this.#heldFrom = 0;
  }

  /** @param last what is done with once `bytes` are delivered: nobody else has what came from the source */
  #deliver(bytes: Buffer, last: Buffer | null): boolean {
    this.#carrier.delivered(bytes.length);
    return this.#sink.write(bytes, last === null ? undefined : () => free(last));
  }

  /** FIN only when every byte before it is with the kernel: until then, the session may still have to be reset. */
  #endAfterAll(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#sink.write(NOTHING, () => {
      if (!this.#carrier.isOver()) this.#sink.end();
    });
  }
}
