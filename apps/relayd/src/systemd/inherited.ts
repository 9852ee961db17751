/**
 * Sockets that systemd (or systemd-socket-activate) has bound and hands over: sd_listen_fds(3). Each is for what its name
 * says (`shared`, `control`, `control-ro`, `route`), or else for whatever is configured at the address that it
 * is bound to. They stay systemd's: nothing is unlinked, and a connection that comes while no relayd runs waits.
 */
import type { Logger } from "pino";
import { reason } from "../io-error.ts";
import type { BoundAddress } from "./libc.ts";

interface Inherited {
  readonly fd: number;
  readonly name: string;
  readonly address: BoundAddress | null;
  used: boolean;
}

/** One to listen on; the descriptor is the taker's to close. */
export interface InheritedSocket {
  readonly fd: number;
  readonly address: BoundAddress | null;
}

/** What is done with the descriptors; of libc.ts, but for tests. */
interface Sockets {
  boundAddress(fd: number): BoundAddress | null;
  duplicate(fd: number): number;
}

interface Environment {
  readonly LISTEN_PID?: string | undefined;
  readonly LISTEN_FDS?: string | undefined;
  readonly LISTEN_FDNAMES?: string | undefined;
}

const FIRST_FD = 3;
const NAMES: readonly string[] = ["shared", "control", "control-ro", "route"];

export type SocketName = "shared" | "control" | "control-ro" | "route";

export class InheritedSockets {
  readonly #sockets: readonly Inherited[];
  readonly #libc: Sockets;

  constructor(env: Environment, pid: number, libc: Sockets) {
    this.#libc = libc;
    const names = (env.LISTEN_FDNAMES ?? "").split(":");
    this.#sockets = Array.from({ length: countFor(env, pid) }, (_, index) => {
      const fd = FIRST_FD + index;
      return { fd, name: names[index] ?? "", address: libc.boundAddress(fd), used: false };
    });
  }

  /** None, where none is handed over to this very process, or koffi is missing. */
  static async open(env: Environment, pid: number, log: Logger): Promise<InheritedSockets> {
    if (countFor(env, pid) === 0) return InheritedSockets.none();
    try {
      return new InheritedSockets(env, pid, await import("./libc.ts"));
    } catch (error) {
      log.error({ error: reason(error) }, "the sockets that systemd hands over cannot be used");
      return InheritedSockets.none();
    }
  }

  static none(): InheritedSockets {
    return new InheritedSockets({}, 0, { boundAddress: () => null, duplicate: () => -1 });
  }

  /**
   * What to listen on in place of `wanted`: one of this name, or else one without a name of ours that is bound there. Null
   * if there is none.
   */
  take(name: SocketName, wanted: BoundAddress): InheritedSocket | null {
    const found =
      this.#sockets.find((socket) => socket.name === name && (name !== "route" || isAt(socket.address, wanted))) ??
      this.#sockets.find((socket) => !NAMES.includes(socket.name) && isAt(socket.address, wanted));
    if (found === undefined) return null;
    const fd = this.#libc.duplicate(found.fd);
    if (fd < 0) return null;
    found.used = true;
    return { fd, address: found.address };
  }

  /** What nothing has asked for, nor will, as no route can be at that port later: "NAME at ADDRESS". */
  unused(routePorts?: { readonly first: number; readonly last: number }): string[] {
    const mayBeRoute = ({ name, address }: Inherited) => {
      if (name === "route" || address === null || "path" in address || routePorts === undefined)
        return name === "route";
      return address.port >= routePorts.first && address.port <= routePorts.last;
    };
    const left = this.#sockets.filter((socket) => !socket.used && !mayBeRoute(socket));
    return left.map(({ name, address }) => `${name || "without a name"} at ${shown(address)}`);
  }
}

function countFor({ LISTEN_PID: meant, LISTEN_FDS: count }: Environment, pid: number): number {
  if (meant !== String(pid) || count === undefined || !/^[0-9]{1,4}$/.test(count)) return 0;
  return Number(count);
}

const ANY_HOST: readonly string[] = ["0.0.0.0", "::"];

/** A socket that is bound to every address of the machine is at each of them. */
function isAt(address: BoundAddress | null, wanted: BoundAddress): boolean {
  if (address === null) return false;
  if ("path" in address) return "path" in wanted && address.path === wanted.path;
  if ("path" in wanted || address.port !== wanted.port) return false;
  const host = wanted.host === "localhost" ? "127.0.0.1" : wanted.host;
  return address.host === host || ANY_HOST.includes(address.host);
}

function shown(address: BoundAddress | null): string {
  if (address === null) return "no address";
  return "path" in address ? address.path : `${address.host}:${address.port}`;
}
