/**
 * What the relays of a cluster need of a message system: questions that one of several listeners answers, and that come
 * back at once when nobody listens. NATS is one (nats-bus.ts); the tests have one that loses, delays and reorders.
 */

/** A listener's stay. Closing it again does nothing. */
export interface Listening {
  close(): void;
}

/** Nobody listens: certain, and known at once; unlike a question that is not answered in time. */
export const NOBODY = Symbol("nobody listens");

export interface Bus {
  /**
   * Answers questions on `subject`. What this bus asks from then on is asked after it has begun to listen: of two that listen
   * first, each, and then ask each other, one at least is heard. Of the listeners with the same `group`, one is given each question; with null,
   * all are.
   */
  listen(subject: string, group: string | null, answer: (question: Uint8Array) => Uint8Array): Listening;
  /** What others answer to an empty question within `ms`; nothing if the message system is away. */
  askAll(subject: string, ms: number): Promise<Uint8Array[]>;
  /** What is said to `subject` and needs no answer. */
  hear(subject: string, listener: (message: Uint8Array) => void): Listening;
  /** The answer, or NOBODY. Rejects where none came in `timeoutMs`, or the message system is away. */
  ask(subject: string, question: Uint8Array, timeoutMs: number): Promise<Uint8Array | typeof NOBODY>;
  /** Best effort: it may be lost. */
  say(subject: string, message: Uint8Array): void;
  /** `listener` is called whenever the message system is there again after it was away; what was said meanwhile is lost. */
  onReturn(listener: () => void): void;
}
