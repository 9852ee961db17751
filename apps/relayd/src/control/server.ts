/** The control API, served on its socket. */
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { Logger } from "pino";
import type { InheritedSocket } from "../systemd/inherited.ts";
import { type ControlOptions, createControlApp } from "./app.ts";
import { listenOnControlSocket, listenOnInherited, OWNERS_ALONE, type SocketAccess } from "./socket.ts";
import type { ControlTarget } from "./target.ts";

export interface ControlServer {
  /** Lets requests under way be answered, for a moment; then the socket and its file are gone. */
  close(): Promise<void>;
}

/** For requests under way, once the server is to close. */
const GRACE_MS = 3_000;
/** More than people and their scripts need; so many file descriptors at most are the control API's. */
const MAX_CONNECTIONS = 256;

/**
 * @param path of the Unix socket; `inherited`: one that is bound already, to listen on instead
 * @throws ControlSocketError, with nothing left open
 */
export async function openControlServer(
  path: string,
  target: ControlTarget,
  log: Logger,
  {
    access = OWNERS_ALONE,
    inherited = null,
    ...options
  }: ControlOptions & { readonly access?: SocketAccess; readonly inherited?: InheritedSocket | null } = {},
): Promise<ControlServer> {
  const app = await createControlApp(target, log, options);
  const silent = trackSilent(app.server);
  try {
    app.server.maxConnections = MAX_CONNECTIONS;
    if (inherited === null) await listenOnControlSocket(app.server, path, log, access);
    else await listenOnInherited(app.server, access.key, inherited, log);
  } catch (error) {
    await app.close();
    throw error;
  }
  return {
    async close() {
      const grace = setTimeout(() => app.server.closeAllConnections(), GRACE_MS);
      for (const connection of silent) connection.destroy();
      await app.close();
      clearTimeout(grace);
    },
  };
}

/** Connections that have not asked for anything yet: Node does not count them among the idle ones, and waits for them. */
function trackSilent(server: Server): ReadonlySet<Socket> {
  const silent = new Set<Socket>();
  server.on("connection", (connection: Socket) => {
    silent.add(connection);
    connection.once("close", () => silent.delete(connection));
  });
  server.on("request", ({ socket }: IncomingMessage) => silent.delete(socket));
  return silent;
}
