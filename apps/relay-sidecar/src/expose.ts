/**
 * The side whose programs are dialled: connections are kept parked at the relay, and each that a peer is paired into becomes
 * a connection to the target.
 *
 *     parked → paired → connected to the target → carried
 */
import type { TLSSocket } from "node:tls";
import { createServer, type RelayConnection, type RelayServer, type ServerOptions } from "@serverless-relay/client";
import { converse } from "./conversation.ts";
import { connectTo, type Endpoint, formatEndpoint } from "./endpoint.ts";
import { errorFields, type Logger } from "./log.ts";
import type { Side } from "./side.ts";

export interface Target {
  readonly endpoint: Endpoint;
  /** how long it may take to accept a connection */
  readonly timeoutMs: number;
}

export class Exposure implements Side {
  readonly closed: Promise<void>;
  readonly #servers: readonly RelayServer[];
  readonly #target: Target;
  readonly #log: Logger;
  /** why a server has nothing parked at the relay */
  readonly #unready = new Map<RelayServer, string>();
  #closing = false;

  /** One of `peers` for each function that may connect. Throws TypeError or RangeError for an option. */
  constructor(peers: readonly ServerOptions[], target: Target, log: Logger) {
    this.#target = target;
    this.#log = log;
    this.#servers = peers.map((options) => this.#serve(options));
    this.closed = this.#end();
  }

  get connections(): number {
    return this.#servers.reduce((sum, { connections }) => sum + connections, 0);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#servers.map((server) => server.close({ graceMs: FOREVER_MS })));
  }

  destroy(): void {
    this.#closing = true;
    for (const server of this.#servers) server.destroy();
  }

  async unready(): Promise<readonly string[]> {
    return this.#closing ? ["stopping"] : [...this.#unready.values()];
  }

  /** One that is refused for good takes the others with it: they have the same certificate. */
  async #end(): Promise<void> {
    const refused = Promise.withResolvers<never>();
    for (const server of this.#servers) server.once("error", refused.reject);
    const closed = Promise.all(this.#servers.map((server) => server.closed));
    try {
      await Promise.race([closed, refused.promise]);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  #serve(options: ServerOptions): RelayServer {
    const { peer } = options;
    const server = createServer({ ...options, allowHalfOpen: true });
    this.#unready.set(server, `${peer}: not parked at the relay yet`);
    server.on("waiting", (parked) => {
      if (this.#unready.delete(server)) this.#log.info({ peer, parked }, "parked at the relay");
    });
    server.on("retrying", (error, delayMs) => {
      this.#unready.set(server, `${peer}: ${errorFields(error).error}`);
      this.#log.warn({ peer, ...errorFields(error), againInMs: delayMs }, "not parked at the relay");
    });
    server.on("failed", (error) => this.#log.warn({ peer, ...errorFields(error) }, "a pair came to nothing"));
    server.on("connection", (socket, connection) => void this.#carry(socket, connection));
    return server;
  }

  async #carry(socket: TLSSocket, connection: RelayConnection): Promise<void> {
    const { endpoint, timeoutMs } = this.#target;
    const { peer, session } = connection;
    const gone = new AbortController();
    socket.on("error", () => {}).once("close", () => gone.abort(new Error("the peer hung up")));
    try {
      const local = await connectTo(endpoint, timeoutMs, gone.signal);
      await converse(local, connection, this.#log);
    } catch (error) {
      const fields = { peer, session, target: formatEndpoint(endpoint), ...errorFields(error) };
      this.#log.warn(fields, "the target was not reached; the peer's connection is broken off");
      socket.destroy(); // without close_notify: the peer is not to take it for the end of the data
    }
  }
}

/** Whoever closes decides when it has been long enough, and destroys. Node's timers hold no more. */
const FOREVER_MS = 2 ** 31 - 1;
