/** Where a program listens, or is to be listened for: a TCP address or a Unix socket. */
import { type AddressInfo, connect, type Server, type Socket } from "node:net";

export type Endpoint = { readonly host: string; readonly port: number } | { readonly path: string };

/** For error messages. */
export const ENDPOINT_RULE = "it is HOST:PORT, [IPV6]:PORT or unix:PATH";
/** sockaddr_un holds no more, and the kernel's word for it would be EINVAL. */
const MAX_PATH_BYTES = 107;
/** A host that vanished is found out; a NAT does not forget. */
const KEEP_ALIVE_MS = 30_000;
/** The end of one direction is no end of the other; what comes is passed on at once. */
export const SOCKET_OPTIONS = {
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEP_ALIVE_MS,
} as const;

/** null if it is none. A port 0 is taken for one: a listener may ask for any free port. */
export function parseEndpoint(text: string): Endpoint | null {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    return path === "" || path.includes("\0") || Buffer.byteLength(path) > MAX_PATH_BYTES ? null : { path };
  }
  const { ipv6, name, port } =
    /^(?:\[(?<ipv6>[^\]\s]+)\]|(?<name>[^:[\]\s/]+)):(?<port>[0-9]{1,5})$/.exec(text)?.groups ?? {};
  const host = ipv6 ?? name;
  if (host === undefined || Number(port) > 65_535) return null;
  return { host, port: Number(port) };
}

export function formatEndpoint(endpoint: Endpoint): string {
  if ("path" in endpoint) return `unix:${endpoint.path}`;
  return endpoint.host.includes(":") ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
}

/** Where a server listens in fact: with the port that it was given, say. */
export function endpointOf(server: Server): Endpoint {
  const address = server.address() as AddressInfo | string;
  return typeof address === "string" ? { path: address } : { host: address.address, port: address.port };
}

/** Connects within `timeoutMs`. Rejects with Node's error, with one that says how long it has waited, or with the signal's reason. */
export async function connectTo(endpoint: Endpoint, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ ...endpoint, ...SOCKET_OPTIONS });
  const onAbort = (): void => reject(signal.reason);
  const timer = setTimeout(() => reject(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
  signal.addEventListener("abort", onAbort);
  // The second listener stays: what happens before the connection is carried must not end the process.
  socket
    .once("connect", resolve)
    .once("error", reject)
    .on("error", () => {});
  try {
    await promise;
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    socket.off("error", reject);
  }
}

/** Not the end of the data: TCP says so by a reset. A Unix socket has no word for it. */
export function breakOff(socket: Socket): void {
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
