/**
 * From an accepted socket to an admitted connection: TLS handshake, certificate, request, route, and, for transport raw,
 * the outer TLS taken off. The story of one connection is `admit`, top to bottom.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { DetachFailed, RecordStream, Refusal } from "@serverless-relay/protocol";
import { formatRefusal } from "../answers.ts";
import type { EndTransport, Observer } from "../events.ts";
import { identify } from "../ids.ts";
import { limitIn } from "../limits.ts";
import type { BareLink, Link } from "../link.ts";
import { verdictOf, verifyCertificate } from "./certificate.ts";
import { Dropped } from "./drops.ts";
import { Entry, type Requested } from "./entry.ts";
import type { Place } from "./gate.ts";
import { createConnectParser } from "./http-parser.ts";
import { Identities, type Identity } from "./identity.ts";
import { refuseInTls } from "./refuse.ts";
import { type Request, understand } from "./request.ts";
import { type Credentials, createTlsServer, secureContext } from "./tls-server.ts";
import { type Flaw, Trust } from "./trust.ts";

export interface AdmissionLimits {
  /** bytes of a request head */
  readonly headSize: number;
  readonly handshakeTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly detachTimeoutMs: number;
}

/** What a listener speaks: CONNECT inside TLS, or TLS and then bytes. */
export type Protocol = "connect" | "bare";

/**
 * Decides on a caller; `request` is null behind a bare listener. With a `flaw`, nobody that the relay knows vouches for it, and
 * only a route that has pinned its key may take it. Throws Refusal or Dropped.
 */
export type Authorize<Grant> = (identity: Identity, flaw: Flaw | null, request: Request | null) => Grant;

export interface Admitted<Grant> {
  readonly connection: string;
  /** "127.0.0.1:5000" */
  readonly address: string;
  /** from accept to admitted */
  readonly durationMs: number;
  /** null behind a plain listener */
  readonly identity: Identity | null;
  readonly request: Request | null;
  readonly grant: Grant;
  readonly transport: EndTransport;
  readonly link: Link;
}

const NOT_ASKED = { detail: "it ended before it had asked" };

export class Admission {
  #limits: AdmissionLimits;
  readonly #observe: Observer;
  readonly #tls: ReturnType<typeof createTlsServer>;
  #http: ReturnType<typeof createConnectParser>;
  // tls.Server has no word for which stream a TLSSocket runs over: the entry travels with the handshake's callbacks.
  readonly #entering = new AsyncLocalStorage<Entry>();
  readonly #entries = new WeakMap<object, Entry>();
  readonly #identities = new Identities();
  #trust: Trust;

  constructor(credentials: Credentials, limits: AdmissionLimits, observe: Observer) {
    this.#limits = limits;
    this.#trust = new Trust(credentials);
    this.#observe = observe;
    this.#tls = createTlsServer(credentials);
    this.#tls.on("secureConnection", (tls) => this.#entering.getStore()?.secured.resolve(this.#watched(tls)));
    this.#tls.on("tlsClientError", (error) => {
      this.#entering.getStore()?.fail(new Dropped("handshake_failed", { detail: error.message }));
    });
    this.#http = this.#createParser(limits);
  }

  /** From the next step of each connection on. */
  setLimits(limits: AdmissionLimits): void {
    if (limits.headSize !== this.#limits.headSize) this.#http = this.#createParser(limits);
    this.#limits = limits;
  }

  /**
   * Whoever has not been admitted yet is judged by `credentials`, from now on. Throws, and changes nothing, if they are not
   * usable.
   */
  setCredentials(credentials: Credentials): void {
    const trust = new Trust(credentials);
    this.#tls.setSecureContext(secureContext(credentials));
    this.#trust = trust;
  }

  /** Why the certificate of somebody who was admitted is not good by now; null if it is. Its dates are not looked at. */
  flawOf(identity: Identity): Flaw | null {
    return identity.flawUnder(this.#trust);
  }

  /**
   * Admits the client behind `socket`, or answers it, reports why, and throws Refusal or Dropped. The socket is this
   * method's until it returns. It leaves its `place` once it is authorized.
   */
  async admit<Grant>(
    socket: Socket,
    place: Place,
    protocol: Protocol,
    authorize: Authorize<Grant>,
  ): Promise<Admitted<Grant>> {
    const { connection, address } = identify(socket);
    const startedAt = performance.now();
    const entry = new Entry(new RecordStream(socket), this.#trust);
    place.onCrowdedOut = (why) => entry.fail(why);
    let tls: TLSSocket | null = null;
    let names: readonly string[] = [];
    let peer: string | null = null;
    try {
      tls = await this.#handshake(entry, protocol);
      const requested = protocol === "connect" ? await this.#request(entry) : null;
      const identity = this.#identify(tls, entry.trust);
      const flaw = this.flawOf(identity);
      if (flaw === null) names = identity.names;
      const { request, head } = understand(requested, flaw);
      peer = request?.peer ?? null;
      if (entry.failure !== null) throw entry.failure; // of what came right behind the step before
      const grant = authorize(identity, flaw, request);
      place.leave();
      names = identity.names;
      const link = request?.transport === "raw" ? await this.#detach(entry, tls, head) : stay(entry, tls, head);
      const transport = link.kind === "bare" ? "raw" : "tls";
      const durationMs = performance.now() - startedAt;
      return { connection, address, durationMs, identity, request, grant, transport, link };
    } catch (error) {
      const why = reasonOf(error, entry);
      if (tls !== null && why instanceof Refusal) {
        refuseInTls(tls, entry.records, protocol === "connect" ? formatRefusal(why) : Buffer.alloc(0));
      } else {
        entry.records.destroy();
      }
      this.#report(why, { connection, address, names, peer, durationMs: performance.now() - startedAt }, tls);
      throw why;
    } finally {
      place.onCrowdedOut = () => socket.destroy();
      entry.finish();
    }
  }

  #createParser({ headSize }: AdmissionLimits): ReturnType<typeof createConnectParser> {
    return createConnectParser(headSize, (stream, requested) => {
      const entry = this.#entries.get(stream);
      if (entry === undefined) return;
      entry.asked = true;
      entry.requested.resolve(requested);
    });
  }

  async #handshake(entry: Entry, protocol: Protocol): Promise<TLSSocket> {
    const { socket } = entry.records;
    // TLS itself would wait for the rest of a handshake that cannot come any more, until the deadline.
    const onFin = () => entry.fail(new Dropped("client_gone"));
    socket.once("end", onFin);
    try {
      entry.within(this.#limits.handshakeTimeoutMs, () => new Dropped("handshake_timeout"));
      this.#entering.run(entry, () => this.#tls.emit("connection", entry.records));
      const tls = await entry.secured.promise;
      if (protocol === "connect") this.#http.emit("connection", tls);
      return tls;
    } finally {
      socket.off("end", onFin);
    }
  }

  /** Runs within the handshake's last callback: before the TLS layer can have read anything behind it. */
  #watched(tls: TLSSocket): TLSSocket {
    const entry = this.#entering.getStore();
    if (entry === undefined) return tls;
    this.#entries.set(tls, entry);
    entry.records.watch(tls);
    // Before the request, close_notify says that none will come; behind it, that is how a client detaches. A request that it
    // cuts short is the HTTP parser's to refuse, which hears of it in the same turn.
    tls.once("end", () => process.nextTick(() => entry.asked || entry.fail(new Dropped("client_gone", NOT_ASKED))));
    // Node goes on as if nothing had been: what comes behind an error is never read, nor is anything written.
    tls.on("error", (error) => entry.fail(new Dropped("client_gone", { detail: error.message })));
    return tls;
  }

  /** By the CAs and CRLs of the handshake, and then by those that are in force by now. Throws Refusal. */
  #identify(tls: TLSSocket, trust: Trust): Identity {
    const identity = verifyCertificate(tls, trust);
    const flaw = this.flawOf(identity);
    if (flaw === null) return this.#identities.shared(identity, this.#trust);
    if (flaw !== "certificate_unknown_issuer") throw new Refusal(flaw);
    return identity;
  }

  async #request(entry: Entry): Promise<Requested> {
    entry.within(this.#limits.requestTimeoutMs, () => new Refusal("request_timeout"));
    return entry.requested.promise;
  }

  /** The relay's half of detach: close_notify, nothing else; then the client's (PROTOCOL.md, "Detach"). */
  async #detach(entry: Entry, tls: TLSSocket, head: Buffer): Promise<BareLink> {
    entry.within(this.#limits.detachTimeoutMs, () => new Dropped("detach_timeout"));
    if (head.length > 0) throw new Dropped("detach_violated");
    tls.on("data", () => entry.fail(new Dropped("detach_violated")));
    tls.prependListener("error", ({ code, message: detail }: NodeJS.ErrnoException) => {
      if (code?.startsWith("ERR_SSL_")) entry.fail(new Dropped("detach_violated", { detail })); // an alert, or no TLS at all
    });
    const readAhead = await entry.records.detach().done;
    return { kind: "bare", socket: entry.records.socket, readAhead };
  }

  #report(
    why: Refusal | Dropped,
    seen: { connection: string; address: string; names: readonly string[]; peer: string | null; durationMs: number },
    tls: TLSSocket | null,
  ): void {
    if (why instanceof Dropped) {
      const { peer: _, ...known } = seen;
      this.#observe({ event: "dropped", reason: why.reason, detail: why.message, ...limitIn(why), ...known });
      return;
    }
    const byTls = why.reason.startsWith("certificate_") && tls !== null && !tls.authorized;
    this.#observe({
      event: "refused",
      reason: why.reason,
      ...limitIn(why),
      ...seen,
      ...(byTls ? { detail: verdictOf(tls) } : {}),
    });
  }
}

function stay(entry: Entry, tls: TLSSocket, head: Buffer): Link {
  entry.records.stayInTls();
  if (head.length > 0) tls.unshift(head);
  return { kind: "tls", tls, socket: entry.records.socket };
}

/** The failure that came first explains the others; an error that nobody foresaw is the relay's own. */
function reasonOf(error: unknown, entry: Entry): Refusal | Dropped {
  if (entry.failure !== null) return entry.failure;
  if (error instanceof Refusal || error instanceof Dropped) return error;
  if (error instanceof DetachFailed) return new Dropped("client_gone", { detail: error.message });
  return new Refusal("internal_error");
}
