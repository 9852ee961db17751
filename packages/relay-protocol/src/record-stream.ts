/**
 * The stream that an outer TLS layer runs over, at both ends: it hands the TLS layer one record at a time, so that the
 * layer never swallows a byte that follows the peer's close_notify, and it outlives that layer: after `detach()` the TCP
 * connection is as bare as on the day it was dialled (PROTOCOL.md, "Detach").
 *
 *     TLSSocket  →  RecordStream  →  net.Socket
 *
 * Invariants: once the TLS layer has read close_notify, nothing more is fed to it; all that came behind is `readAhead`. Once it
 * has sent its own, nothing more that it writes is sent: it answers a KeyUpdate that asks for one, though no data follows
 * for which it would owe that (RFC 8446 §4.6.3, §6.1).
 */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { free } from "./free.ts";
import { RecordBoundaries } from "./record-boundaries.ts";

/** The connection ended, or its TLS failed, before both close_notify alerts had passed. */
export class DetachFailed extends Error {
  override readonly name = "DetachFailed";
}

export interface Detaching {
  /** settles when our close_notify is in the kernel's hands: from then on the socket may be written bare */
  readonly sent: Promise<void>;
  /**
   * settles when the peer's close_notify has been read, too: with the bytes that came behind it. The socket is paused
   * and has no listener of ours left. Rejects with DetachFailed.
   */
  readonly done: Promise<Buffer>;
}

type WriteDone = (error?: Error | null) => void;

export class RecordStream extends Duplex {
  readonly socket: Socket;
  readonly #boundaries = new RecordBoundaries();
  #pending: Buffer | null = null;
  #wanted = false; // the TLS layer asked for data and has not been given any since
  #ended = false; // FIN read
  #stays = false;
  #closeNotifyRead = false;
  #tlsFailed = false;
  #tls: TLSSocket | null = null;
  #detaching: { sent: PromiseWithResolvers<void>; done: PromiseWithResolvers<Buffer>; flushed: boolean } | null = null;
  #detached = false;

  constructor(socket: Socket) {
    // Whoever reads through the TLS layer decides when it is over: destroyed by itself, at the end of both directions, the
    // stream would take the layer with it, and what that has not given out yet.
    super({ allowHalfOpen: true, autoDestroy: false });
    this.socket = socket;
    socket.on("data", this.#onData).on("end", this.#onEnd).on("error", this.#onError).on("close", this.#onClose);
    this.on("resume", this.#feedSoon);
    this.on("error", () => {}); // the TLS layer reports it; without a TLS layer it must not end the process
  }

  /**
   * Tells the stream which TLS layer runs over it. To be called before that layer can have read close_notify: at the
   * handshake's end at the latest.
   */
  watch(tls: TLSSocket): void {
    this.#tls = tls;
    // Node ends the readable side of a TLSSocket by push(null), in the very call that feeds it close_notify. The "end"
    // event comes a tick later, when a further record might already have been fed.
    // It does so for any other alert, too; but then it has told of an error before.
    tls.on("error", () => {
      this.#tlsFailed = true;
    });
    const push = tls.push.bind(tls);
    tls.push = (chunk: unknown, encoding?: BufferEncoding) => {
      if (chunk === null && !this.#ended) this.#onCloseNotify();
      return push(chunk, encoding);
    };
  }

  /**
   * The connection stays inside TLS until it ends: whole chunks are fed, which costs less, `end()` ends the TCP
   * connection, and what follows close_notify is read and dropped (so that closing does not turn into a reset).
   */
  stayInTls(): void {
    this.#stays = true;
    if (this.#closeNotifyRead) this.#discard();
  }

  /** Sends close_notify and waits for the peer's. The TLS layer must be flowing; what it gives is the caller's. */
  detach(): Detaching {
    const sent = Promise.withResolvers<void>();
    const done = Promise.withResolvers<Buffer>();
    sent.promise.catch(() => {}); // whoever waits for `done` alone hears of it there
    this.#detaching = { sent, done, flushed: false };
    if (this.destroyed || this.#ended) this.#failDetach("the connection has ended");
    else this.#tls?.end();
    return { sent: sent.promise, done: done.promise };
  }

  /** Both close_notify have passed: the TCP connection is bare, and no business of this stream any more. */
  get detached(): boolean {
    return this.#detached;
  }

  override _read(): void {
    this.#wanted = true;
    // Called from within read(), before the chunk that is still buffered has been given out: its turn comes first.
    if (this.readableLength > 0) this.#feedSoon();
    else this.#feed();
  }

  // What comes behind the end is an answer to a KeyUpdate, and dropped: for a Writable it would be an error.
  override write(chunk: Buffer, ...rest: (BufferEncoding | WriteDone | undefined)[]): boolean {
    if (!this.writableEnded) return super.write(chunk, ...(rest as [BufferEncoding, WriteDone]));
    const done = rest.find((one) => typeof one === "function");
    if (done !== undefined) process.nextTick(done);
    return true;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#send(chunk, callback);
  }

  override _writev(chunks: { chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    this.socket.cork();
    chunks.forEach(({ chunk }, index) => {
      this.#send(chunk, index === chunks.length - 1 ? callback : undefined);
    });
    this.socket.uncork();
  }

  // Runs when the TLS layer has written its close_notify, and every byte before that has been flushed.
  override _final(callback: (error?: Error | null) => void): void {
    if (this.#detaching === null) {
      this.socket.end(() => callback());
      return;
    }
    this.#detaching.flushed = true;
    this.#detaching.sent.resolve();
    callback();
    this.#feedSoon();
    this.#completeDetach();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.#detached) {
      this.#failDetach(error?.message ?? "the connection was closed");
      this.socket.destroy();
    }
    this.#pending = null;
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#closeNotifyRead && this.#stays) return;
    this.#pending = this.#pending === null ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#feed();
    if (this.#pending !== null) this.socket.pause();
  };

  readonly #onEnd = (): void => {
    if (this.#closeNotifyRead) return;
    this.#ended = true;
    this.#failDetach("the connection ended before close_notify");
    this.#feed();
  };

  readonly #onError = (error: Error): void => {
    this.destroy(error);
  };

  readonly #onClose = (): void => {
    // It closes by itself once both its directions are over; what was read of it may still be on its way through TLS.
    if (!(this.socket.readableEnded && this.socket.writableFinished)) this.destroy();
  };

  readonly #feedSoon = (): void => {
    process.nextTick(() => this.#feed());
  };

  #send(chunk: Buffer, done?: WriteDone): void {
    this.socket.write(chunk, (error) => {
      free(chunk); // the TLS layer's own, made for this one write
      done?.(error);
    });
  }

  /** Gives the TLS layer the next record, or the part of it that is here. */
  #feed(): void {
    if (!this.#wanted || this.#closeNotifyRead || this.destroyed) return;
    if (this.readableLength > 0 && !this.#stays) return; // not read yet: it might be close_notify
    if (this.#detaching?.flushed === false && !this.#ended) return; // it could be answered behind our close_notify
    const pending = this.#pending;
    if (pending === null) {
      if (this.#ended) this.push(null);
      return;
    }
    const stays = this.#stays; // whoever is given this may call stayInTls() at once
    const length = stays ? pending.length : this.#boundaries.take(pending, 0);
    this.#pending = length === pending.length ? null : pending.subarray(length);
    this.#wanted = false;
    this.push(pending.subarray(0, length));
    if (stays && this.readableLength === 0) free(pending); // the TLS layer has taken it, and copies what it takes
    if (this.#pending === null && !this.#closeNotifyRead && !this.#ended) this.socket.resume();
  }

  #onCloseNotify(): void {
    this.#closeNotifyRead = true;
    if (this.#stays) this.#discard();
    else this.socket.pause();
    this.#completeDetach();
  }

  #discard(): void {
    this.#pending = null;
    this.socket.resume();
  }

  #completeDetach(): void {
    const detaching = this.#detaching;
    if (detaching === null || !detaching.flushed || !this.#closeNotifyRead || this.#detached) return;
    if (this.#tlsFailed) {
      this.#failDetach("something else came in place of close_notify");
      return;
    }
    this.#detached = true;
    const readAhead = this.#pending ?? Buffer.alloc(0);
    this.#pending = null;
    this.socket.off("data", this.#onData).off("end", this.#onEnd).off("error", this.#onError);
    this.socket.off("close", this.#onClose);
    detaching.done.resolve(readAhead);
  }

  #failDetach(why: string): void {
    const error = new DetachFailed(why);
    this.#detaching?.sent.reject(error);
    this.#detaching?.done.reject(error);
  }
}
