/** One connection in the hands of the stream implementation: its stream, and, while it is parked, what it has sent. */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Link } from "../../link.ts";
import { Answers, type Tcp } from "../answers.ts";
import type { Leg } from "../plane.ts";

/** What a parked client may have read ahead on the relay; the rest waits in the kernel. */
const PARKED_BYTES = 64 * 1024;

/** How long a dismissed client may take to close its side: closing first could turn unread bytes into a reset. */
const LINGER_MS = 2_000;

export class StreamLeg implements Leg {
  /** bytes go in and come out here: the bare socket, or the TLS over it */
  readonly stream: Duplex;
  readonly #socket: Socket;
  readonly #answers = new Answers();
  #held: Buffer[] = [];
  #heldBytes = 0;
  #ended = false;
  #departed = false;
  #onDeparted: (() => void) | null;

  constructor(link: Link, onDeparted: () => void) {
    this.stream = link.kind === "bare" ? link.socket : link.tls;
    this.#socket = link.socket;
    this.#onDeparted = onDeparted;
    this.stream.on("error", this.#onGone).on("close", this.#onGone).on("data", this.#onData).on("end", this.#onEnd);
    if (link.kind === "bare" && link.readAhead.length > 0) this.#hold(link.readAhead);
    if (this.stream.destroyed) process.nextTick(this.#onGone);
    else if (this.stream.readableEnded) process.nextTick(this.#onEnd);
    else if (this.#heldBytes < PARKED_BYTES) this.stream.resume();
  }

  get departed(): boolean {
    return this.#departed || this.stream.destroyed;
  }

  /** Both its directions have come to their end: that it closes is no break. */
  get isOver(): boolean {
    return this.stream.readableEnded && this.stream.writableFinished;
  }

  /** For how long its client has owed TCP an answer, in ms. */
  owedMs(tcp: Tcp, now: number): number {
    const state = tcp.stateOf(this.#socket);
    return state === null ? 0 : this.#answers.owedMs(state, now);
  }

  /** The stay is over: the stream is paused, without listeners but one for errors; what was held is handed over. */
  unpark(): { held: Buffer[]; ended: boolean } {
    this.#onDeparted = null;
    this.stream.pause();
    this.stream.off("close", this.#onGone).off("data", this.#onData).off("end", this.#onEnd);
    const held = this.#held;
    this.#held = [];
    return { held, ended: this.#ended };
  }

  /** Sends `words` and ends; drops what still comes; closes when the client has, or after a while. */
  dismiss(words: Buffer): void {
    this.unpark();
    const linger = setTimeout(() => this.stream.destroy(), LINGER_MS);
    this.stream.once("close", () => clearTimeout(linger));
    this.stream.resume();
    this.stream.end(words);
  }

  /** RST, whatever is under way. */
  reset(): void {
    const socket = this.#socket;
    // A reset while Node's own shutdown is under way fails, and the descriptor is never closed (nodejs, net). By then all
    // bytes are with the kernel (see StreamSession), so nothing is cut off by an orderly end.
    if (socket.writableEnded && !socket.writableFinished) socket.destroy();
    else if (!socket.destroyed) socket.resetAndDestroy();
    this.stream.destroy();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#hold(chunk);
    if (this.#heldBytes >= PARKED_BYTES) this.stream.pause();
  };

  #hold(chunk: Buffer): void {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
  }

  readonly #onEnd = (): void => {
    this.#ended = true;
    if (this.#heldBytes === 0) this.#onGone(); // an end with nothing before it is a departure, not a half-close
  };

  readonly #onGone = (): void => {
    if (this.#departed) return;
    this.#departed = true;
    const report = this.#onDeparted;
    this.unpark();
    this.stream.destroy();
    report?.();
  };
}
