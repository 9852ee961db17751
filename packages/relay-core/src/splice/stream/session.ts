/**
 * A session carried by Node streams: each direction for itself, so that half-close is; backpressure is `pause` and `drain`;
 * a broken connection resets the other.
 */
import type { Duplex } from "node:stream";
import type { CloseReason, Session, SessionOutcome } from "../plane.ts";
import type { StreamLeg } from "./leg.ts";

const NOTHING = Buffer.alloc(0);

export class StreamSession implements Session {
  readonly ended: Promise<SessionOutcome>;
  readonly bytes: [number, number] = [0, 0];
  lastActive = Date.now();
  readonly #legs: readonly [StreamLeg, StreamLeg];
  readonly #settle: (outcome: SessionOutcome) => void;
  #over = false;
  #directionsOpen = 2;

  /** Takes over two parked legs. */
  constructor(first: StreamLeg, firstHead: Buffer, second: StreamLeg, secondHead: Buffer) {
    const { promise, resolve } = Promise.withResolvers<SessionOutcome>();
    this.ended = promise;
    this.#settle = resolve;
    this.#legs = [first, second];
    const stays = [first.unpark(), second.unpark()] as const;
    for (const [end, leg] of this.#legs.entries()) {
      leg.stream.on("error", () => this.#broke(end as 0 | 1));
      leg.stream.on("close", () => this.#broke(end as 0 | 1));
    }
    if (firstHead.length > 0) first.stream.write(firstHead);
    if (secondHead.length > 0) second.stream.write(secondHead);
    this.#carry(0, stays[0]);
    this.#carry(1, stays[1]);
  }

  end(reason: CloseReason): void {
    this.#finish(reason, null);
  }

  /** Moves what end `from` sends to the other, until it ends. */
  #carry(from: 0 | 1, stay: { held: Buffer[]; ended: boolean }): void {
    const source = this.#legs[from].stream;
    const sink = this.#legs[from === 0 ? 1 : 0].stream;
    sink.on("drain", () => source.resume());
    sink.once("finish", () => this.#directionDone());
    source.on("data", (chunk: Buffer) => {
      this.lastActive = Date.now();
      this.bytes[from] += chunk.length;
      if (!sink.write(chunk)) source.pause();
    });
    let open = true;
    for (const chunk of stay.held) {
      this.bytes[from] += chunk.length;
      open = sink.write(chunk);
    }
    if (stay.ended) {
      this.#endAfterAll(sink);
      return;
    }
    source.once("end", () => this.#endAfterAll(sink));
    if (open && !sink.writableNeedDrain) source.resume();
  }

  /** FIN only when every byte before it is with the kernel: until then, the session may still have to be reset. */
  #endAfterAll(sink: Duplex): void {
    sink.write(NOTHING, () => {
      if (!this.#over) sink.end();
    });
  }

  #directionDone(): void {
    if (--this.#directionsOpen === 0) this.#finish("completed", null);
  }

  #broke(end: 0 | 1): void {
    // It closes by itself once both its directions are over; the other may still have bytes to take.
    if (!this.#legs[end].isOver) this.#finish("reset", end);
  }

  #finish(reason: CloseReason, by: 0 | 1 | null): void {
    if (this.#over) return;
    this.#over = true;
    for (const leg of this.#legs) {
      if (reason === "completed") leg.stream.destroy();
      else leg.reset();
    }
    this.#settle({ reason, by, bytes: this.bytes });
  }
}
