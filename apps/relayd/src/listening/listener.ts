/** A TCP port that relayd accepts functions on. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { InheritedSocket } from "../systemd/inherited.ts";

export interface Address {
  readonly host: string;
  /** 0: any free one */
  readonly port: number;
}

/** The port cannot be bound. The message names the key of the configuration and the address, and says what to do. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  /** the port is taken, rather than not allowed or not of this machine */
  readonly inUse: boolean;

  constructor(key: string, { host, port }: Address, cause: NodeJS.ErrnoException) {
    super(`${key} ${host}:${port}: ${explain(cause)}`, { cause });
    this.inUse = cause.code === "EADDRINUSE";
  }
}

export class Listener {
  readonly address: Address;
  readonly #server: Server;

  private constructor(server: Server, address: Address) {
    this.#server = server;
    this.address = address;
  }

  /**
   * @param key of the configuration, which has the address
   * @param inherited one that is bound already, to listen on in place of `address`
   * @throws ListenError
   */
  static async open(
    key: string,
    address: Address,
    onConnection: (socket: Socket) => void,
    inherited: InheritedSocket | null = null,
  ): Promise<Listener> {
    const server = createServer(SOCKET_OPTIONS, onConnection);
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(new ListenError(key, address, error)));
      server.listen({ ...(inherited === null ? address : { fd: inherited.fd }), backlog: BACKLOG }, resolve);
    });
    const bound = server.address() as AddressInfo;
    return new Listener(server, { host: inherited === null ? address.host : bound.address, port: bound.port });
  }

  /** Accepts no more. Connections that were accepted are not this object's. */
  close(): void {
    this.#server.close();
  }
}

/** Keepalive finds peers that vanished, and keeps NATs and load balancers from forgetting: those do after 350 s. */
const SOCKET_OPTIONS = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 };

/** A burst of functions that start together; the kernel cuts it to net.core.somaxconn. */
const BACKLOG = 4096;

function explain(error: NodeJS.ErrnoException): string {
  const code: string = error.code ?? "";
  switch (code) {
    case "EADDRINUSE":
      return "the port is taken by another process; stop that one, or choose another port";
    case "EACCES":
      return "this user may not bind the port; choose one above 1023, or grant CAP_NET_BIND_SERVICE";
    case "ENOTFOUND":
      return "the host's name is not known here; see to DNS or /etc/hosts, or write an address";
    case "EADDRNOTAVAIL":
      return "the host is no address of this machine; choose one that is";
    default:
      return error.message;
  }
}
