/**
 * Where monitoring asks: /metrics, /healthz and /readyz, on an address of their own. It says nothing of who talks to whom,
 * and changes nothing; still it is loopback's alone unless the configuration names another address.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Address, ListenError } from "../listening/listener.ts";

export interface Observed {
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** what keeps it from serving, one line each; empty if nothing does */
  unready(): readonly string[];
  /** said along with being ready, one line each */
  remarks(): readonly string[];
}

export interface MetricsServer {
  readonly address: Address;
  close(): Promise<void>;
}

/** Scrapers and probes: so many file descriptors at most are theirs. */
const MAX_CONNECTIONS = 64;
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 65_000;

/** Throws ListenError, with nothing left open. */
export async function openMetricsServer(address: Address, observed: Observed): Promise<MetricsServer> {
  const timeouts = {
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: 1_000,
  };
  const server = createServer(timeouts, (request, response) => {
    answer(request, observed).then(
      (content) => send(response, content, request.method === "HEAD"),
      (error: unknown) => {
        response.destroy(error instanceof Error ? error : undefined);
      },
    );
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, address);
  return {
    address: { host: address.host, port: (server.address() as AddressInfo).port },
    close: () => close(server),
  };
}

interface Content {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

async function answer({ method, url = "" }: IncomingMessage, observed: Observed): Promise<Content> {
  if (method !== "GET" && method !== "HEAD") return plain(405, ["only GET is served here"]);
  const [path = ""] = url.split("?");
  switch (path) {
    case "/metrics":
      return { status: 200, type: observed.metrics.contentType, text: await observed.metrics.text() };
    case "/healthz":
      return plain(200, ["ok"]); // that it answers at all says that its loop turns
    case "/readyz": {
      const unready = observed.unready();
      return unready.length > 0 ? plain(503, unready) : plain(200, ["ready", ...observed.remarks()]);
    }
    default:
      return plain(404, ["there is /metrics, /healthz and /readyz"]);
  }
}

function plain(status: number, lines: readonly string[]): Content {
  return { status, type: "text/plain; charset=utf-8", text: `${lines.join("\n")}\n` };
}

function send(response: ServerResponse, { status, type, text }: Content, headOnly: boolean): void {
  const allow = status === 405 ? { allow: "GET, HEAD" } : {};
  const length = Buffer.byteLength(text);
  response.writeHead(status, { "content-type": type, "content-length": length, "cache-control": "no-store", ...allow });
  response.end(headOnly ? undefined : text);
}

function listen(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(new ListenError("metrics.listen", address, error));
    server.once("error", fail);
    server.listen(address, () => {
      server.off("error", fail);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
