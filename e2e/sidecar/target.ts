/** A program of the test's own that is exposed, and the connections that others open to it. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Target {
  /** as `--to` takes it */
  readonly address: string;
  readonly port: number;
  /** The next connection that comes, or has come and was not given out yet. */
  next(): Promise<Socket>;
  stop(): Promise<void>;
}

const quiet = (socket: Socket): Socket => socket.on("error", () => {});

/** Listens on a Unix socket, or on any free port of loopback. Nothing that comes is read until somebody does. */
export async function startTarget(path?: string): Promise<Target> {
  const open = new Set<Socket>();
  const waiting: Socket[] = [];
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    open.add(quiet(socket).once("close", () => open.delete(socket)));
    waiting.push(socket);
    server.emit("arrived");
  }).listen(path === undefined ? { host: "127.0.0.1", port: 0 } : { path });
  await once(server, "listening");
  const port = path === undefined ? (server.address() as AddressInfo).port : 0;
  return {
    address: path === undefined ? `127.0.0.1:${port}` : `unix:${path}`,
    port,
    next: async () => {
      for (;;) {
        const socket = waiting.shift();
        if (socket !== undefined) return socket;
        await once(server, "arrived");
      }
    },
    stop: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Where = { port: number; host?: string } | { path: string };

/** A local program's connection, half of which may end before the other. */
export async function dial(to: Where): Promise<Socket> {
  const socket = begin(to);
  await once(socket, "connect");
  return socket;
}

/** One that may be turned away as soon as it is there: such a reset can come before Node has told of the connection. */
export function begin(to: Where): Socket {
  return quiet(connect({ host: "127.0.0.1", ...to, allowHalfOpen: true }));
}

/** How it ends: "end" in order, "reset", or "closed" without either. */
export function endOf(socket: Socket): Promise<"end" | "reset" | "closed"> {
  return new Promise((resolve) => {
    socket.once("end", () => resolve("end")).once("close", () => resolve("closed"));
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNRESET" ? "reset" : "closed"));
    socket.resume();
  });
}
