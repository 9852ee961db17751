/**
 * The relay's judgement of a request, from its bytes to the terms on which the caller is admitted, without the TLS around it
 * and the connection behind it: a request costs some tens of microseconds.
 */
import { X509Certificate } from "node:crypto";
import type { Server } from "node:http";
import { Duplex } from "node:stream";
import { Refusal } from "@serverless-relay/protocol";
import type { Verdict } from "@serverless-relay/protocol-model";
import { Dropped } from "./admission/drops.ts";
import type { Requested } from "./admission/entry.ts";
import { createConnectParser } from "./admission/http-parser.ts";
import { Identity } from "./admission/identity.ts";
import { understand } from "./admission/request.ts";
import { type Flaw, Trust } from "./admission/trust.ts";
import type { RouteTable } from "./pairing/routes.ts";
import { LIMITS } from "./relay.test-support.ts";
import type { Entrance } from "./relay-options.ts";
import { termsOf } from "./terms.ts";

export interface TestCaller {
  readonly identity: Identity;
  readonly flaw: Flaw | null;
}

export function callerWith(certPem: string, flaw: Flaw | null): TestCaller {
  const trust = new Trust({ ca: "" });
  return { identity: new Identity(new X509Certificate(certPem), [], trust, flaw), flaw };
}

/** What a TLS layer would give: bytes, then the end of them. */
class Wire extends Duplex {
  written = "";

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.written += chunk.toString("latin1");
    callback();
  }
}

export class Judgement {
  readonly #routes: RouteTable;
  readonly #parser: Server;
  readonly #waiting = new WeakMap<Duplex, (requested: Requested) => void>();

  constructor(routes: RouteTable) {
    this.#routes = routes;
    this.#parser = createConnectParser(LIMITS.headSize, (stream, requested) => this.#waiting.get(stream)?.(requested));
  }

  /** `pieces`: all that comes inside TLS, as it comes. Throws what is neither Refusal nor Dropped. */
  async judge({ identity, flaw }: TestCaller, pieces: readonly Buffer[], entrance: Entrance): Promise<Verdict> {
    const requested = await this.#read(pieces);
    if (requested === null) return "client_gone";
    try {
      const { request } = understand(requested, flaw);
      if (request === null) throw new Error("a request that is there was read as none");
      const { name, peer, channel, role = "either" } = termsOf(entrance, identity, flaw, request, this.#routes, LIMITS);
      const { transport, wait = null } = request;
      return { as: String(name), peer: String(peer), channel, transport, role, wait };
    } catch (error) {
      if (error instanceof Refusal || error instanceof Dropped) return error.reason;
      throw error;
    }
  }

  async #read(pieces: readonly Buffer[]): Promise<Requested | null> {
    const wire = new Wire();
    const { promise, resolve } = Promise.withResolvers<Requested | null>();
    this.#waiting.set(wire, resolve);
    this.#parser.emit("connection", wire);
    wire.once("end", () => setImmediate(resolve, null));
    for (const piece of pieces) wire.push(piece);
    wire.push(null);
    const requested = await promise;
    // Whatever the parser says by itself, a 1xx or an error page, would go to the client.
    if (wire.written !== "") throw new Error(`the HTTP parser answered by itself: ${JSON.stringify(wire.written)}`);
    wire.destroy();
    return requested;
  }
}
