/** Node's own HTTP/1.1 parser, reduced to the one thing that is served here: a CONNECT request. */

import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { Refusal } from "@serverless-relay/protocol";
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
  server.keepAliveTimeout = 0;
  server.timeout = 0;
  const notConnect = (message: IncomingMessage): void => onRequest(message.socket, new Refusal("method_not_allowed"));
  server.on("connect", (message, stream, head) => onRequest(stream, { message, head }));
  server.on("request", notConnect).on("checkContinue", notConnect).on("checkExpectation", notConnect);
  server.on("clientError", (error: NodeJS.ErrnoException, stream) => {
    onRequest(stream, new Refusal(error.code === "HPE_HEADER_OVERFLOW" ? "head_too_large" : "request_malformed"));
  });
  return server;
}
