/** A relay whose one route has a plain listener: sessions without any TLS, for tests of how bytes are carried. */
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { type RelayOptions, RunningRelay, until } from "@serverless-relay/testkit";

export interface PlainRelay {
  readonly relay: RunningRelay;
  /** of the plain listener */
  readonly port: number;
  /** Two ends of a new session, joined; `dial` makes the first of the two connections, if not as usual. */
  pair(dial?: (port: number) => Socket): Promise<[Socket, Socket]>;
  /** Both ends of so many new sessions, at once: who is joined with whom is not known. */
  crowd(sessions: number): Promise<Socket[]>;
}

export async function startPlainRelay(ports: string, options: RelayOptions = {}): Promise<PlainRelay> {
  const relay = await RunningRelay.start({
    ...options,
    listen: `  perRoute: { ports: ${ports}, protocol: plain }`,
    routes: [["f1", "f2"]],
  });
  const [route] = await relay.control.listRoutes();
  const port = route?.listener?.port ?? 0;
  const dial = (): Socket => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    socket.on("error", () => {});
    return socket;
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    relay,
    port,
    async crowd(count) {
      const { sessions } = await relay.status();
      const ends: Socket[] = [];
      while (ends.length < 2 * count) {
        const some = Array.from({ length: Math.min(100, 2 * count - ends.length) }, dial);
        await Promise.all(some.map((end) => once(end, "connect")));
        ends.push(...some);
      }
      await until("all are paired", async () => (await relay.status()).sessions.total === sessions.total + count);
      return ends;
    },
    pair(dialFirst = dial) {
      // One pair after another: the listener pairs whoever comes next.
      const next = last.then(async (): Promise<[Socket, Socket]> => {
        const { sessions } = await relay.status();
        const ends: [Socket, Socket] = [dialFirst(port), dial()];
        await until("the two are paired", async () => (await relay.status()).sessions.total === sessions.total + 1);
        return ends;
      });
      last = next.catch(() => {});
      return next;
    },
  };
}

const CLOCK_TICKS = 100; // per second, on every Linux

/** CPU seconds that a process has used, all threads. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  const [, kib] = /^VmRSS:\s+([0-9]+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? [];
  return Number(kib) * 1024;
}

export interface Descriptors {
  readonly all: number;
  readonly pipes: number;
  readonly sockets: number;
}

/** File descriptors of a process, and how many of them are pipes, and sockets. */
export function descriptors(pid: number): Descriptors {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return ""; // closed meanwhile
    }
  });
  const count = (kind: string) => links.filter((link) => link.startsWith(kind)).length;
  return { all: links.length, pipes: count("pipe:"), sockets: count("socket:") };
}

/** Fails if the process uses more than a tenth of a core while nothing is to be done. */
export async function expectNoSpin(pid: number): Promise<void> {
  const before = cpuSeconds(pid);
  const began = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 500)); // the measurement itself: CPU per time
  const used = (cpuSeconds(pid) - before) / ((performance.now() - began) / 1000);
  if (used > 0.1) throw new Error(`the process uses ${Math.round(100 * used)} % of a core, idle`);
}
