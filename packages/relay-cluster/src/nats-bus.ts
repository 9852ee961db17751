/** The bus of a cluster on NATS core: requests, queue groups, and "no responders". */
import { errors, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { type Bus, type Listening, NOBODY } from "./bus.ts";

export class NatsBus implements Bus {
  readonly #connection: NatsConnection;
  readonly #report: (error: Error) => void;
  readonly #onReturn: (() => void)[] = [];
  #isAway = false;

  /** @param report what a listener failed with, and what another sent that cannot be read */
  constructor(connection: NatsConnection, report: (error: Error) => void) {
    this.#connection = connection;
    this.#report = report;
    void this.#watch();
  }

  listen(subject: string, group: string | null, answer: (question: Uint8Array) => Uint8Array): Listening {
    return this.#subscribe(subject, group ?? undefined, (message) => message.respond(answer(message.data)));
  }

  hear(subject: string, listener: (message: Uint8Array) => void): Listening {
    return this.#subscribe(subject, undefined, ({ data }) => listener(data));
  }

  async ask(subject: string, question: Uint8Array, timeoutMs: number): Promise<Uint8Array | typeof NOBODY> {
    try {
      const { data } = await this.#connection.request(subject, question, { timeout: timeoutMs });
      return data;
    } catch (error) {
      if (isNoResponders(error)) return NOBODY;
      throw error;
    }
  }

  async askAll(subject: string, ms: number): Promise<Uint8Array[]> {
    const answers: Uint8Array[] = [];
    try {
      const messages = await this.#connection.requestMany(subject, "", { strategy: "timer", maxWait: ms });
      for await (const { data } of messages) answers.push(data);
    } catch (error) {
      if (!isNoResponders(error) && !this.#isAway) throw error;
    }
    return answers;
  }

  /** Whether NATS is there. */
  get isThere(): boolean {
    return !this.#isAway;
  }

  say(subject: string, message: Uint8Array): void {
    if (!this.#connection.isClosed()) this.#connection.publish(subject, message);
  }

  onReturn(listener: () => void): void {
    this.#onReturn.push(listener);
  }

  // A server deals with what one connection sends in order: a question that is sent later finds this subscription there.
  #subscribe(subject: string, queue: string | undefined, take: (message: Msg) => void): Listening {
    if (this.#connection.isClosed()) return { close: () => {} };
    const subscription = this.#connection.subscribe(subject, {
      ...(queue !== undefined && { queue }),
      callback: (error, message) => {
        if (error !== null) return this.#report(error);
        try {
          take(message);
        } catch (failure) {
          this.#report(failure instanceof Error ? failure : new Error(String(failure)));
        }
      },
    });
    return { close: () => subscription.unsubscribe() };
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (type === "disconnect") this.#isAway = true;
      if (type !== "reconnect") continue;
      this.#isAway = false;
      for (const listener of this.#onReturn) listener();
    }
    this.#isAway = true; // closed
  }
}

function isNoResponders(error: unknown): boolean {
  return error instanceof errors.NoRespondersError || (error instanceof errors.RequestError && error.isNoResponders());
}
