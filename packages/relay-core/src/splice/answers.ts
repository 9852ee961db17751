/**
 * Ends that do not answer any more: a cable was pulled, a machine is gone. TCP itself would go on for a quarter of an hour, and
 * TCP_USER_TIMEOUT is no remedy, for it also gives up a peer that is well, and merely reads nothing for a while. So the state
 * of each connection is looked at now and then: whoever owes an acknowledgement for too long is lost.
 */
import type { Socket } from "node:net";

/** Long enough for a path that recovers, short enough for NATs and load balancers, which forget after 350 s. */
const DEFAULT_WITHIN_MS = 120_000;

/** Looks within that time: an end is given up late by one of them at most. */
const LOOKS = 4;

export interface TcpState {
  /** something was sent, bytes or a probe, and no acknowledgement has come since */
  readonly owes: boolean;
  /** ms since anything was acknowledged */
  readonly heardMs: number;
}

/** What the system can be told, and asked, of a connection. */
export interface Tcp {
  /** Has an idle connection probed, so that it breaks once nothing has been acknowledged for `withinMs`. */
  probe(socket: Socket, withinMs: number): void;
  /** Null if the connection is gone already. */
  stateOf(socket: Socket): TcpState | null;
}

/** What has been seen of one end. */
export class Answers {
  #owesSince: number | null = null;

  /** For how long the end is known to owe an acknowledgement, in ms, as of `now`. */
  owedMs({ owes, heardMs }: TcpState, now: number): number {
    if (!owes) this.#owesSince = null;
    else if (this.#owesSince === null || now - heardMs > this.#owesSince) this.#owesSince = now;
    return this.#owesSince === null ? 0 : now - this.#owesSince;
  }
}

/** Calls `look` regularly, often enough for `withinMs`. */
export class AnswerWatch {
  readonly #look: (withinMs: number) => void;
  #withinMs = DEFAULT_WITHIN_MS;
  #timer: NodeJS.Timeout;

  constructor(look: (withinMs: number) => void) {
    this.#look = look;
    this.#timer = this.#start();
  }

  get withinMs(): number {
    return this.#withinMs;
  }

  set withinMs(ms: number) {
    if (ms === this.#withinMs) return;
    this.#withinMs = ms;
    clearInterval(this.#timer);
    this.#timer = this.#start();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #start(): NodeJS.Timeout {
    return setInterval(() => this.#look(this.#withinMs), this.#withinMs / LOOKS).unref();
  }
}
