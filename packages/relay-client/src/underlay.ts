/**
 * The stream that the inner TLS runs over. It carries bytes to and from the relayed connection, with three differences to
 * the connection itself:
 *
 * - it may be written before the outer TLS has been taken off: what is written waits until it has;
 * - it may be there before the relay's answer has been read: what is read begins behind that answer;
 * - it knows whether the connection ended behind the inner TLS's close_notify, or was cut off before. Node's TLS ends
 *   either in the same way, with `end`; here a truncated connection fails with ConnectionTruncated.
 *
 * It owns the connection: each is closed with the other.
 */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { ConnectionTruncated } from "./errors.ts";

export class Underlay extends Duplex {
  readonly #below: Socket;
  /** null once it may be written */
  #writable: Promise<void> | null;
  #begun = false;
  #tls: TLSSocket | null = null;
  #closeNotifyRead = false;
  /** nobody can listen to the TLS socket yet */
  #held = true;

  /** `below`: the bare connection, or the outer TLS where the session stays inside it. */
  constructor(below: Socket, writable: Promise<void> | null = null) {
    super({ allowHalfOpen: true });
    this.#below = below;
    this.#writable = writable;
    writable?.then(
      () => {
        this.#writable = null;
      },
      (error: Error) => this.destroy(error),
    );
    below.on("error", this.#onError).on("close", this.#onClose);
    this.once("end", this.#onOwnEnd); // before the TLS layer's listener
    this.on("error", () => {}); // the TLS layer reports it
  }

  /** What `below` gives is the session from now on, `head` first. */
  begin(head: Buffer): void {
    this.#begun = true;
    if (head.length > 0) this.push(head);
    if (this.#below.readableEnded) this.push(null);
    this.#below.on("data", this.#onData).on("end", this.#onEnd);
    this.#below.resume();
  }

  /** To be called in the tick in which the handshake has ended: from then on truncation is an error of `tls`. */
  watch(tls: TLSSocket): void {
    this.#tls = tls;
    // Node ends the readable side of a TLSSocket by push(null), both for close_notify and for the end of the connection.
    const push = tls.push.bind(tls);
    tls.push = (chunk: unknown, encoding?: BufferEncoding) => {
      if (chunk === null && !this.readableEnded) this.#closeNotifyRead = true;
      // A peer may end in the flight in which its handshake does. Without a byte before it, `end` would be gone by when
      // whoever it is for can listen.
      if (chunk === null && this.#held) return false;
      return push(chunk, encoding);
    };
  }

  /** The TLS socket is given out now: whoever gets it has the rest of this turn to listen. */
  handOver(): void {
    setImmediate(() => {
      this.#held = false;
      const tls = this.#tls;
      if (tls === null || tls.destroyed || !this.#closeNotifyRead) return;
      tls.push(null);
      tls.read(0);
    });
  }

  override _read(): void {
    if (this.#begun) this.#below.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#whenWritable(() => this.#below.write(chunk, callback), callback);
  }

  override _writev(chunks: { chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    const write = (): void => {
      this.#below.cork();
      chunks.forEach(({ chunk }, index) => {
        this.#below.write(chunk, index === chunks.length - 1 ? callback : undefined);
      });
      this.#below.uncork();
    };
    this.#whenWritable(write, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#whenWritable(() => this.#below.end(() => callback()), callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#below.destroy();
    callback(error);
  }

  #whenWritable(write: () => void, callback: (error: Error) => void): void {
    if (this.#writable === null) write();
    else this.#writable.then(write, callback);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#below.pause();
  };

  readonly #onEnd = (): void => {
    this.push(null);
  };

  // Everything that came has been given to the TLS layer.
  readonly #onOwnEnd = (): void => {
    if (this.#closeNotifyRead) return;
    const error = new ConnectionTruncated("the connection ended without the peer's close_notify: data may be missing");
    if (this.#tls === null) this.destroy(error);
    else this.#tls.destroy(error);
  };

  readonly #onError = (error: Error): void => {
    this.destroy(error);
  };

  readonly #onClose = (): void => {
    this.destroy();
  };
}
