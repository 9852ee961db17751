/** One connection on its way through admission: what has been seen of it, and the deadline of the step under way. */

import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import { type RecordStream, Refusal } from "@serverless-relay/protocol";
import { Dropped } from "./drops.ts";
import type { Trust } from "./trust.ts";

/** What the HTTP parser found: a CONNECT, or something to be refused. */
export type Requested = { readonly message: IncomingMessage; readonly head: Buffer } | Refusal;

export class Entry {
  readonly records: RecordStream;
  /** what its handshake goes by */
  readonly trust: Trust;
  readonly secured = Promise.withResolvers<TLSSocket>();
  readonly requested = Promise.withResolvers<Requested>();
  /** its request, or what came instead of one, has been read */
  asked = false;
  /** why the connection was given up, once it was */
  failure: Refusal | Dropped | null = null;
  #deadline: NodeJS.Timeout | undefined;
  #finished = false;

  constructor(records: RecordStream, trust: Trust) {
    this.records = records;
    this.trust = trust;
    // Only the step under way is awaited; the others hear of a failure through it.
    this.secured.promise.catch(() => {});
    this.requested.promise.catch(() => {});
    records.once("close", () => {
      // Once it is detached, the TLS layer goes, and the connection stays.
      if (!records.detached && this.failure === null && !this.#finished) this.fail(new Dropped("client_gone"));
    });
  }

  /** The step that begins now must end within `ms`, or the connection fails with what `late` gives. */
  within(ms: number, late: () => Refusal | Dropped): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.fail(late()), ms);
  }

  /** Ends the step under way with `error`. The first failure counts; later ones are its consequences. */
  fail(error: Refusal | Dropped): void {
    if (this.failure !== null || this.#finished) return;
    this.failure = error;
    this.secured.reject(error);
    this.requested.reject(error);
    // A refusal is still to be written; what cannot be answered ends here, and with it a detach under way.
    if (!(error instanceof Refusal)) this.records.destroy();
  }

  /** No deadline is left, and nothing that happens to the connection from here on is admission's business. */
  finish(): void {
    clearTimeout(this.#deadline);
    this.#finished = true;
  }
}
