/** A message system in memory that delays everything, loses some of it, and can cut relays off: seeded, on fake timers. */
import { type Bus, type Listening, NOBODY } from "./bus.ts";

interface Listener {
  readonly owner: UnreliableBus;
  readonly group: string | null;
  readonly hear: (message: Uint8Array) => Uint8Array | null;
}

export interface Weather {
  /** in [0, 1) */
  readonly random: () => number;
  /** share of messages that are lost */
  readonly loss: number;
  readonly delayMs: number;
}

/** The server between the buses. */
export class Network {
  readonly weather: Weather;
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor(weather: Weather) {
    this.weather = weather;
  }

  bus(): UnreliableBus {
    return new UnreliableBus(this);
  }

  /** As NATS with noEcho: never to the asker itself. */
  choose(subject: string, asker: UnreliableBus): Listener | null {
    const others = [...(this.#listeners.get(subject) ?? [])].filter(
      ({ owner }) => owner !== asker && !owner.isCutOff && !owner.isAlone && !asker.isAlone,
    );
    return others[Math.floor(this.weather.random() * others.length)] ?? null;
  }

  all(subject: string): Listener[] {
    return [...(this.#listeners.get(subject) ?? [])];
  }

  add(subject: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(subject) ?? new Set();
    this.#listeners.set(subject, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  later(act: () => void): void {
    setTimeout(act, this.weather.random() * this.weather.delayMs);
  }

  /** Or it is lost. */
  perhapsLater(act: () => void): void {
    if (this.weather.random() >= this.weather.loss) this.later(act);
  }
}

export class UnreliableBus implements Bus {
  isCutOff = false;
  /** with a server of its own: it is answered, that nobody listens, and nobody hears it */
  isAlone = false;
  readonly #network: Network;
  readonly #onReturn: (() => void)[] = [];
  /** what it has begun to listen to, and what is not known of everywhere yet */
  readonly #beginning = new Set<Promise<void>>();

  constructor(network: Network) {
    this.#network = network;
  }

  listen(subject: string, group: string | null, answer: (question: Uint8Array) => Uint8Array): Listening {
    return this.#add(subject, { owner: this, group, hear: answer });
  }

  hear(subject: string, listener: (message: Uint8Array) => void): Listening {
    const hear = (message: Uint8Array): null => {
      listener(message);
      return null;
    };
    return this.#add(subject, { owner: this, group: null, hear });
  }

  ask(subject: string, question: Uint8Array, timeoutMs: number): Promise<Uint8Array | typeof NOBODY> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | typeof NOBODY>();
    const timeout = setTimeout(() => reject(new Error("no answer in time")), timeoutMs);
    const settle = (answer: Uint8Array | typeof NOBODY): void => {
      clearTimeout(timeout);
      resolve(answer);
    };
    if (this.isCutOff) return promise;
    void Promise.all(this.#beginning).then(() => this.#ask(subject, question, settle));
    return promise;
  }

  #ask(subject: string, question: Uint8Array, settle: (answer: Uint8Array | typeof NOBODY) => void): void {
    this.#network.perhapsLater(() => {
      const listener = this.#network.choose(subject, this);
      if (listener === null) {
        this.#network.perhapsLater(() => settle(NOBODY));
        return;
      }
      const answer = listener.hear(question);
      if (answer !== null) {
        this.#network.perhapsLater(() => {
          if (!this.isCutOff && !listener.owner.isCutOff) settle(answer);
        });
      }
    });
  }

  async askAll(subject: string): Promise<Uint8Array[]> {
    const others = this.#network.all(subject).filter(({ owner }) => owner !== this && !owner.isCutOff);
    return others.flatMap(({ hear }) => hear(Buffer.alloc(0)) ?? []);
  }

  say(subject: string, message: Uint8Array): void {
    if (this.isCutOff) return;
    this.#network.perhapsLater(() => {
      for (const { owner, hear } of this.#network.all(subject)) if (!owner.isCutOff) hear(message);
    });
  }

  onReturn(listener: () => void): void {
    this.#onReturn.push(listener);
  }

  comeBack(): void {
    this.isCutOff = false;
    for (const listener of this.#onReturn) listener();
  }

  #add(subject: string, listener: Listener): Listening {
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    this.#beginning.add(begun);
    let remove = (): void => {};
    let closed = false;
    this.#network.later(() => {
      if (!closed) remove = this.#network.add(subject, listener);
      this.#beginning.delete(begun);
      resolve();
    });
    const close = (): void => {
      closed = true;
      remove();
    };
    return { close };
  }
}
