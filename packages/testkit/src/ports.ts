/**
 * Ports for configurations that name them: below those that the system gives to outgoing connections, and never those of
 * another test, in whatever process that runs.
 */
import { createServer, type Server } from "node:net";

const FIRST = 20_000;
const LAST = 32_000;
/** Blocks of ports are guarded as a whole, so that two callers can only meet at the same guard. */
const BLOCK = 32;

export interface ReservedPorts {
  readonly first: number;
  /** included */
  readonly last: number;
  /** as a configuration writes it: "20001-20010" */
  readonly range: string;
  release(): Promise<void>;
}

/**
 * `count` ports in a row, at most 31, free to be bound. They are this caller's until released: the port before them is kept
 * bound, and whoever finds it so looks elsewhere.
 */
export async function reservePorts(count: number): Promise<ReservedPorts> {
  if (count >= BLOCK) throw new RangeError(`${BLOCK - 1} ports at most`);
  const blocks = Math.floor((LAST - FIRST) / BLOCK);
  const begin = process.pid % blocks;
  for (let index = 0; index < blocks; index++) {
    const guardPort = FIRST + ((begin + index) % blocks) * BLOCK;
    const guard = await bind(guardPort);
    if (guard === null) continue;
    const [first, last] = [guardPort + 1, guardPort + count];
    if (await allFree(first, last)) return { first, last, range: `${first}-${last}`, release: () => close(guard) };
    await close(guard);
  }
  throw new Error(`no ${count} ports in a row are free between ${FIRST} and ${LAST}`);
}

async function allFree(first: number, last: number): Promise<boolean> {
  for (let port = first; port <= last; port++) {
    const server = await bind(port);
    if (server === null) return false;
    await close(server);
  }
  return true;
}

function bind(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", () => resolve(null));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
