/**
 * The side whose programs dial: each local connection becomes a session with the peer.
 *
 *     accepted → waiting for the peer → carried
 */
import { createServer, type Server, type Socket } from "node:net";
import { type ConnectOptions, type RelayConnection, RelayRefused } from "@serverless-relay/client";
import { converse } from "./conversation.ts";
import { breakOff, type Endpoint, endpointOf, SOCKET_OPTIONS } from "./endpoint.ts";
import { isOpenToOthers, listenAt } from "./listening.ts";
import { errorFields, type Logger } from "./log.ts";
import { reachPeer } from "./reach-peer.ts";
import { RelayReachability } from "./relay-reachability.ts";
import type { Side } from "./side.ts";

export class Forward implements Side {
  readonly closed: Promise<void>;
  readonly #options: ConnectOptions;
  readonly #maxConnections: number;
  readonly #log: Logger;
  readonly #relay: RelayReachability;
  readonly #open = new Set<Socket>();
  /** those among them whose peer has not come yet */
  readonly #waiting = new Set<Socket>();
  readonly #server: Server;
  #full = false;
  #closing = false;

  private constructor(server: Server, options: ConnectOptions, maxConnections: number, log: Logger) {
    this.#server = server;
    this.#options = { ...options, role: "client", allowHalfOpen: true };
    this.#maxConnections = maxConnections;
    this.#log = log;
    this.#relay = new RelayReachability(this.#options);
    this.closed = new Promise((resolve) => {
      server.once("close", resolve); // it waits for the connections that it has accepted
    });
  }

  /** Throws a Failure if `listen` cannot be listened at. */
  static async open(listen: Endpoint, options: ConnectOptions, maxConnections: number, log: Logger): Promise<Forward> {
    const server = createServer(SOCKET_OPTIONS);
    const side = new Forward(server, options, maxConnections, log);
    server.on("connection", (socket) => side.#accept(socket));
    await listenAt(server, "listen", listen);
    server.on("error", (error) => log.error(errorFields(error), "a connection was not accepted"));
    if (isOpenToOthers(server)) {
      const advice = "whoever does speaks in this function's name; listen on 127.0.0.1";
      log.warn(`other machines can reach the address, and ${advice}`);
    }
    return side;
  }

  get endpoint(): Endpoint {
    return endpointOf(this.#server);
  }

  get connections(): number {
    return this.#open.size;
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#server.close();
    for (const local of this.#waiting) breakOff(local); // as a relay that drains sends away who is parked
    await this.closed;
  }

  destroy(): void {
    void this.close();
    for (const local of this.#open) breakOff(local);
  }

  async unready(): Promise<readonly string[]> {
    return this.#closing ? ["stopping"] : this.#relay.unready();
  }

  #accept(local: Socket): void {
    local.on("error", () => {}); // whoever uses it listens for `close`
    if (this.#open.size >= this.#maxConnections) {
      this.#turnAway(local);
      return;
    }
    this.#open.add(local);
    local.once("close", () => {
      this.#open.delete(local);
      this.#full = false;
    });
    void this.#carry(local);
  }

  async #carry(local: Socket): Promise<void> {
    const connection = await this.#meet(local);
    if (connection !== null) await converse(local, connection, this.#log);
  }

  /** null: it came to nothing, and the local program has been told. */
  async #meet(local: Socket): Promise<RelayConnection | null> {
    const { peer } = this.#options;
    const gone = new AbortController();
    local.once("close", () => gone.abort(new Error("the local program hung up")));
    this.#waiting.add(local);
    try {
      const connection = await reachPeer({ ...this.#options, signal: gone.signal }, (error, delayMs) => {
        this.#log.warn({ peer, ...errorFields(error), againInMs: delayMs }, "not connected yet");
      });
      this.#relay.reached();
      return connection;
    } catch (error) {
      if (error instanceof RelayRefused) this.#relay.reached();
      if (this.#closing) this.#log.info({ peer }, "not connected: stopping");
      else if (gone.signal.aborted) this.#log.info({ peer }, "hung up before it was connected");
      else this.#log.warn({ peer, ...errorFields(error) }, "not connected");
      breakOff(local);
      return null;
    } finally {
      this.#waiting.delete(local);
    }
  }

  #turnAway(local: Socket): void {
    if (!this.#full)
      this.#log.warn({ connections: this.#open.size }, "full; more are turned away: see --max-connections");
    this.#full = true;
    breakOff(local);
  }
}
