/**
 * The stream that Node's HTTP client speaks over: it writes into the outer TLS, and reads first what comes inside that TLS,
 * then, once the TLS has been taken off, what comes on the bare connection. So one parser reads the relay's answer wherever
 * it is given.
 *
 * It owns nothing below it: when it goes, it only lets go.
 */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Detaching } from "@serverless-relay/protocol";
import type { Link } from "./dial.ts";

const HEAD_END = Buffer.from("\r\n\r\n");

export class Exchange extends Duplex {
  readonly #link: Link;
  /** where bytes come from at present: the outer TLS, then the bare connection */
  #source: Socket;
  #answered = false;
  readonly #requested = Promise.withResolvers<void>();

  constructor(link: Link) {
    super({ allowHalfOpen: true });
    this.#link = link;
    this.#source = link.outer;
    this.#listen();
    this.on("error", () => {}); // the HTTP client hears of it; without one it must not end the process
    this.#requested.promise.catch(() => {}); // the answer fails, too, and tells more
  }

  /** Settles in the moment in which the request's head has gone into the outer TLS. */
  get requested(): Promise<void> {
    return this.#requested.promise;
  }

  /** Whether what is read now was sent on the bare connection. */
  get isBare(): boolean {
    return this.#source === this.#link.socket;
  }

  /**
   * Reads on behind both close_notify alerts, and tells of them, for they mean "admitted". To be called in the tick in which
   * detaching began.
   */
  async follow(detaching: Detaching, onAdmitted?: () => void): Promise<void> {
    // From now on the outer TLS ends in order; only `detaching` can tell whether it has.
    this.#source.off("end", this.#onEnd).off("close", this.#onClose);
    try {
      const readAhead = await detaching.done;
      if (this.destroyed) return;
      // A refusal inside TLS ends with a close_notify, too.
      if (!this.#answered) onAdmitted?.();
      this.#silence();
      this.#source = this.#link.socket;
      if (readAhead.length > 0) this.push(readAhead);
      if (this.#source.readableEnded) this.push(null);
      this.#listen();
      this.#source.resume();
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Lets go of the connection, which is paused, and gives the bytes that were read and not used. */
  release(): Buffer {
    this.#silence();
    const rest: unknown = this.read();
    this.destroy();
    this.#source.pause(); // last: read() asks for more, and what flows without a listener is lost
    return Buffer.isBuffer(rest) ? rest : Buffer.alloc(0);
  }

  override _read(): void {
    this.#source.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#link.outer.write(chunk, callback);
    if (chunk.subarray(-HEAD_END.length).equals(HEAD_END)) this.#requested.resolve();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#silence();
    this.#requested.reject(error ?? new Error("the connection was closed"));
    callback(error);
  }

  #listen(): void {
    this.#source.on("data", this.#onData).on("end", this.#onEnd).on("error", this.#onError).on("close", this.#onClose);
  }

  #silence(): void {
    const source = this.#source;
    source.off("data", this.#onData).off("end", this.#onEnd).off("error", this.#onError).off("close", this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#answered = true;
    if (!this.push(chunk)) this.#source.pause();
  };

  readonly #onEnd = (): void => {
    this.push(null);
  };

  readonly #onError = (error: Error): void => {
    this.destroy(error);
  };

  readonly #onClose = (): void => {
    this.destroy();
  };
}
