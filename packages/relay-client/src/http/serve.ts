/** A server of `node:http` at the other side: it listens on no port, its connections are those that peers are paired into. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { ServerOptions } from "../server/options.ts";
import { RelayServer } from "../server/server.ts";

/**
 * Serves `peer` with `server`, by plain HTTP inside the mTLS: `request.socket` is the TLS socket, whose other end is verified.
 * `close` of what is returned lets requests under way end, and closes idle connections.
 */
export function serve(server: Server, options: ServerOptions): RelayServer {
  const relayServer = new HttpRelayServer(options);
  const onRequest = (request: IncomingMessage, response: ServerResponse): void =>
    relayServer.answering(request.socket, response);
  const onUpgrade = (request: IncomingMessage): void => relayServer.upgraded(request.socket);
  // First: the answer may be complete when the other listeners return.
  server.prependListener("request", onRequest);
  relayServer.once("close", () => server.off("request", onRequest).off("upgrade", onUpgrade));
  return relayServer.on("connection", (socket) => {
    relayServer.idle(socket);
    // A listener more, but never the first one: that would make Node treat every request for an upgrade as one.
    const listening = server.listeners("upgrade");
    if (listening.length > 0 && !listening.includes(onUpgrade)) server.prependListener("upgrade", onUpgrade);
    server.emit("connection", socket);
  });
}

class HttpRelayServer extends RelayServer {
  /** connections that speak HTTP, and the answers under way on each */
  readonly #answers = new Map<Duplex, Set<ServerResponse>>();
  #leaving = false;

  override async close(options?: { readonly graceMs?: number }): Promise<void> {
    this.#leaving = true;
    for (const [socket, answers] of this.#answers) this.#leave(socket, answers);
    await super.close(options);
  }

  idle(socket: Duplex): void {
    this.#answers.set(socket, new Set());
    socket.once("close", () => this.#answers.delete(socket));
  }

  answering(socket: Duplex, response: ServerResponse): void {
    const answers = this.#answers.get(socket);
    if (answers === undefined) return; // it came by a port that the server listens on as well
    answers.add(response);
    if (this.#leaving) response.shouldKeepAlive = false;
    response.once("close", () => {
      answers.delete(response);
      if (this.#leaving) this.#leave(socket, answers);
    });
  }

  /** It speaks something else from now on, and ends when its ends like. */
  upgraded(socket: Duplex): void {
    this.#answers.delete(socket);
  }

  #leave(socket: Duplex, answers: ReadonlySet<ServerResponse>): void {
    for (const response of answers) response.shouldKeepAlive = false;
    if (answers.size === 0) socket.end();
  }
}
