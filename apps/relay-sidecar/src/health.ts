/**
 * Where probes ask: /healthz says that the process turns, /readyz whether it is any use, and what keeps it from being so. It
 * says nothing of who talks to whom, and changes nothing.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type Endpoint, endpointOf } from "./endpoint.ts";
import { listenAt } from "./listening.ts";

/** What keeps it from serving, one line each; empty if nothing does. */
export type Readiness = () => Promise<readonly string[]>;

export interface Health {
  readonly endpoint: Endpoint;
  close(): void;
}

/** Probes need few file descriptors, and little time. */
const MAX_CONNECTIONS = 32;
const REQUEST_MS = 10_000;

/** Throws a Failure that names the flag. */
export async function openHealth(endpoint: Endpoint, unready: Readiness): Promise<Health> {
  const timeouts = { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, connectionsCheckingInterval: 1_000 };
  const server = createServer(timeouts, (request, response) => {
    answer(request, unready).then(
      ([status, lines]) => send(response, status, lines, request.method === "HEAD"),
      (error: unknown) => send(response, 500, [String(error)], false),
    );
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listenAt(server, "health", endpoint);
  return { endpoint: endpointOf(server), close: () => close(server) };
}

async function answer({ method, url = "" }: IncomingMessage, unready: Readiness): Promise<[number, readonly string[]]> {
  if (method !== "GET" && method !== "HEAD") return [405, ["only GET is served here"]];
  const [path] = url.split("?");
  if (path === "/healthz") return [200, ["ok"]];
  if (path !== "/readyz") return [404, ["there is /healthz and /readyz"]];
  const why = await unready();
  return why.length > 0 ? [503, why] : [200, ["ready"]];
}

function send(response: ServerResponse, status: number, lines: readonly string[], headOnly: boolean): void {
  const text = `${lines.join("\n")}\n`;
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    ...(status === 405 ? { allow: "GET, HEAD" } : {}),
  });
  response.end(headOnly ? undefined : text);
}

function close(server: Server): void {
  server.close();
  server.closeAllConnections();
}
