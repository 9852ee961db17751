/** Node's own HTTP/1.1 parser, reduced to the one thing that is served here: a CONNECT request. */

import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { Refusal, type RefusalReason } from "@serverless-relay/protocol";
import type { Requested } from "./entry.ts";

/**
 * Calls `onRequest` once for each connection that is given to the server by `emit("connection", stream)`. Deadlines are the
 * caller's. No 1xx is ever sent.
 */
export function createConnectParser(
  maxHeaderSize: number,
  onRequest: (stream: Duplex, requested: Requested) => void,
): Server {
  const server = createServer({ maxHeaderSize, requireHostHeader: false, headersTimeout: 0, requestTimeout: 0 });
  // Else some versions of Node leave out what comes behind the first thousand fields or so; the size is bounded in any case.
  server.maxHeadersCount = 0;
  server.keepAliveTimeout = 0;
  server.timeout = 0;
  // A client may end its direction right behind the request. Node would then end the connection, before it is refused.
  const endListeners = new WeakMap<Duplex, readonly unknown[]>();
  server.prependListener("connection", (stream: Duplex) => endListeners.set(stream, stream.listeners("end")));
  const refuse = (stream: Duplex, reason: RefusalReason): void => {
    const others = endListeners.get(stream) ?? [];
    for (const listener of stream.listeners("end")) {
      if (!others.includes(listener)) stream.off("end", listener as () => void);
    }
    onRequest(stream, new Refusal(reason));
  };
  const notConnect = ({ socket }: IncomingMessage): void => refuse(socket, "method_not_allowed");
  server.on("connect", (message, stream, head) => {
    if (message.httpVersionMajor === 1) onRequest(stream, { message, head });
    else refuse(stream, "request_malformed");
  });
  server.on("request", notConnect).on("checkContinue", notConnect).on("checkExpectation", notConnect);
  server.on("clientError", (error: NodeJS.ErrnoException, stream) => {
    refuse(stream, error.code === "HPE_HEADER_OVERFLOW" ? "head_too_large" : "request_malformed");
  });
  return server;
}
