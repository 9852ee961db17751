/**
 * The other side of `connect`: a few connections are kept parked at the relay, and each that is paired becomes a
 * `connection`, while another takes its place.
 *
 *     dialling → parked → paired → open
 *
 * When the relay cannot be reached, or refuses, one goes ahead, later and later; the others follow once it is parked.
 */
import { EventEmitter } from "node:events";
import type { TLSSocket } from "node:tls";
import { connect, type RelayConnection } from "../connect.ts";
import type { Pairing } from "../options.ts";
import { againAfter, isEndOfWait } from "./again.ts";
import { type ServerEvents, type ServerOptions, type ServerPlan, serverPlanOf } from "./options.ts";

/** One that is on its way to the relay, or parked there. */
class Arrival {
  readonly giveUp = new AbortController();
  readonly dialledAt = performance.now();
  parkedAt: number | null = null;

  get parkedMs(): number {
    return this.parkedAt === null ? 0 : performance.now() - this.parkedAt;
  }
}

/** Connections may take this long to end after `close`, unless it is told otherwise. */
const GRACE_MS = 30_000;
/** One that was parked for so long was well: what happened then is no further failure of a series. */
const WELL_MS = 10_000;

export class RelayServer extends EventEmitter<ServerEvents> {
  readonly #plan: ServerPlan;
  readonly #signal: AbortSignal | undefined;
  readonly #arrivals = new Set<Arrival>();
  /** paired: the peer is being verified */
  readonly #verifying = new Set<Arrival>();
  readonly #open = new Set<TLSSocket>();
  #failures = 0;
  #failedAt = Number.NEGATIVE_INFINITY;
  #away: NodeJS.Timeout | null = null;
  /** since a failure nobody has been parked again */
  #outage = false;
  #closing = false;
  #over = false;
  readonly #closed = Promise.withResolvers<void>();

  /** See `createServer`. */
  constructor(options: ServerOptions) {
    super();
    options.signal?.throwIfAborted();
    this.#plan = serverPlanOf(options);
    this.#signal = options.signal;
    this.#signal?.addEventListener("abort", this.#onAbort);
    // Whoever made it has the rest of this turn to listen.
    process.nextTick(() => this.#fill());
  }

  /** How many are parked at the relay now. */
  get parked(): number {
    return [...this.#arrivals].filter(({ parkedAt }) => parkedAt !== null).length;
  }

  /** How many connections are open now. */
  get connections(): number {
    return this.#open.size;
  }

  /** Settles with `close`. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /**
   * Withdraws what is parked, and lets connections end. Those that have not after `graceMs` milliseconds (default 30 s) are
   * destroyed. Resolves when all is over.
   */
  async close({ graceMs = GRACE_MS }: { readonly graceMs?: number } = {}): Promise<void> {
    this.#withdraw();
    const grace = setTimeout(() => this.destroy(), graceMs);
    await this.closed;
    clearTimeout(grace);
  }

  /** Ends everything at once. */
  destroy(): void {
    this.#withdraw();
    for (const { giveUp } of this.#verifying) giveUp.abort();
    for (const socket of this.#open) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #fill(): void {
    if (this.#closing || this.#away !== null) return;
    const room = this.#plan.maxConnections - this.#open.size - this.#verifying.size;
    while (this.#arrivals.size < Math.min(this.#plan.backlog, room)) {
      if (this.#outage && this.#arrivals.size > this.parked) return;
      const arrival = new Arrival();
      this.#arrivals.add(arrival);
      void this.#follow(arrival);
    }
  }

  async #follow(arrival: Arrival): Promise<void> {
    let connection: RelayConnection;
    try {
      connection = await connect({
        ...this.#plan.request,
        signal: arrival.giveUp.signal,
        onWaiting: () => this.#onWaiting(arrival),
        onPaired: (pairing) => this.#onPaired(arrival, pairing),
      });
    } catch (error) {
      if (this.#verifying.delete(arrival)) this.#onFailed(error as Error);
      else if (this.#arrivals.delete(arrival)) this.#onNotPaired(arrival, error as Error);
      this.#settle();
      return;
    }
    this.#verifying.delete(arrival);
    this.#onConnection(connection);
  }

  #onWaiting(arrival: Arrival): void {
    arrival.parkedAt = performance.now();
    this.#outage = false;
    const { parked } = this;
    this.#tell(() => this.emit("waiting", parked));
    this.#fill();
  }

  #onPaired(arrival: Arrival, pairing: Pairing): void {
    this.#arrivals.delete(arrival);
    this.#verifying.add(arrival);
    this.#failures = 0;
    this.#tell(() => this.emit("paired", pairing));
    this.#fill();
  }

  #onConnection(connection: RelayConnection): void {
    const { socket } = connection;
    this.#open.add(socket);
    socket.once("close", () => {
      this.#open.delete(socket);
      this.#settle();
    });
    this.emit("connection", socket, connection);
  }

  #onFailed(error: Error): void {
    if (!this.#closing) this.#tell(() => this.emit("failed", error));
  }

  #onNotPaired(arrival: Arrival, error: Error): void {
    if (this.#closing || isEndOfWait(error, arrival.parkedMs)) return;
    // Those that were there when it became known have nothing to add.
    if (arrival.dialledAt < this.#failedAt) return;
    this.#failedAt = performance.now();
    if (arrival.parkedMs > WELL_MS) this.#failures = 0;
    this.#failures++;
    const delay = againAfter(error, this.#failures);
    if (delay === null) {
      this.#withdraw();
      this.#tell(() => this.emit("error", error));
      return;
    }
    this.#outage = true;
    this.#stayAway(delay);
    this.#tell(() => this.emit("retrying", error, delay));
  }

  #stayAway(ms: number): void {
    if (this.#away !== null) clearTimeout(this.#away);
    this.#away = setTimeout(() => {
      this.#away = null;
      this.#fill();
    }, ms);
  }

  /** Nobody is to come any more. */
  #withdraw(): void {
    this.#closing = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    if (this.#away !== null) clearTimeout(this.#away);
    this.#away = null;
    for (const { giveUp } of this.#arrivals) giveUp.abort();
    process.nextTick(() => this.#settle());
  }

  /** Looks what is to be done now that one more is over. */
  #settle(): void {
    this.#fill();
    const left = this.#arrivals.size + this.#verifying.size + this.#open.size;
    if (!this.#closing || left > 0 || this.#over) return;
    this.#over = true;
    this.#closed.resolve();
    this.#tell(() => this.emit("close"));
  }

  /** What a listener throws is the listener's, and none of a connection's troubles. */
  #tell(emit: () => void): void {
    queueMicrotask(emit);
  }

  readonly #onAbort = (): void => this.destroy();
}

/**
 * A server for `peer`, which dials by `connect`. Events: `waiting`, `paired`, `connection`, `failed`, `retrying`, `error`,
 * `close` (ServerEvents). Throws TypeError or RangeError for an option. It keeps the process alive until it is closed.
 */
export function createServer(
  options: ServerOptions,
  onConnection?: (socket: TLSSocket, connection: RelayConnection) => void,
): RelayServer {
  const server = new RelayServer(options);
  if (onConnection !== undefined) server.on("connection", onConnection);
  return server;
}
