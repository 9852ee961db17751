/**
 * Reads what strace (-f -yy) has seen a process do with its descriptors, and finds two kinds of fault: a number that is used
 * between its close and its next open, by whichever thread; and bytes that are spliced from one session's socket to another's.
 */

/** One system call: its line, from where it began to what it returned. */
interface Call {
  readonly name: string;
  readonly args: string;
}

/** Calls whose result is a new descriptor. */
const OPENING = /^(?:accept4?|socket|openat?|eventfd2|epoll_create1|memfd_create|dup[23]?)$/;
/** Whose first argument is no descriptor that matters here. */
const PATH_FIRST = /^(?:socket|openat?|eventfd2|epoll_create1|memfd_create|pipe2)$/;
/** Which of the numbers in the arguments are descriptors. */
const USED: Readonly<Record<string, RegExp>> = {
  splice: /^(\d+)(?:<.*?>)?, NULL, (\d+)/,
  epoll_ctl: /^(\d+)(?:<.*?>)?, EPOLL_CTL_\w+, (\d+)/,
};
const FIRST = /^(\d+)/;
const SPLICED = /^\d+<(.*)>, NULL, \d+<(.*)>, NULL, /;
const PEER = /^TCP:\[.*->127\.0\.0\.1:(\d+)\]$/;

export class DescriptorUses {
  /** what is wrong, with the line */
  readonly faults: string[] = [];
  /** to see that something was looked at */
  readonly seen = { closes: 0, reopened: 0, splices: 0 };
  readonly #peersOf: ReadonlyMap<number, readonly number[]>;
  /** by port: how many connections of a client's have been accepted from there */
  readonly #accepted = new Map<number, number>();
  readonly #closed = new Set<number>();
  readonly #unfinished = new Map<string, Call>();
  /** by pipe: the port of the client whose bytes are in it, whom they are for, and how many */
  readonly #inPipe = new Map<string, { from: number; to: number | undefined; bytes: number }>();

  /** `peersOf`: of each client's port, those with which it shared a session, one after another, for ports are used again */
  constructor(peersOf: ReadonlyMap<number, readonly number[]>) {
    this.#peersOf = peersOf;
  }

  line(line: string): void {
    const [, thread = "", rest = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const begun = /^(\w+)\((.*) <unfinished \.\.\.>$/.exec(rest);
    if (begun !== null) {
      const call = { name: begun[1] ?? "", args: begun[2] ?? "" };
      this.#unfinished.set(thread, call);
      this.#begins(call, line);
      return;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)\) += (.*)$/.exec(rest);
    if (resumed !== null) {
      const call = this.#unfinished.get(thread);
      this.#unfinished.delete(thread);
      if (call !== undefined) this.#ends({ ...call, args: call.args + (resumed[1] ?? "") }, resumed[2] ?? "", line);
      return;
    }
    const whole = /^(\w+)\((.*)\) += (.*)$/.exec(rest);
    if (whole === null) return; // a signal, an exit
    const call = { name: whole[1] ?? "", args: whole[2] ?? "" };
    this.#begins(call, line);
    this.#ends(call, whole[3] ?? "", line);
  }

  /** The number is free for others as soon as a close begins; it is used as soon as any other call does. */
  #begins({ name, args }: Call, line: string): void {
    if (PATH_FIRST.test(name)) return;
    const found = (USED[name] ?? FIRST).exec(args)?.slice(1) ?? [];
    for (const number of found.map(Number)) {
      if (this.#closed.has(number)) this.faults.push(`used after its close: ${line}`);
      if (name !== "close") continue;
      this.#closed.add(number);
      this.seen.closes++;
    }
  }

  #ends({ name, args }: Call, returned: string, line: string): void {
    const result = Number.parseInt(returned, 10);
    if (result < 0) return;
    if (/^accept4?$/.test(name)) this.#acceptedFrom(returned);
    if (OPENING.test(name) || (name === "fcntl" && args.includes("F_DUPFD"))) this.#opened(result);
    if (name === "pipe2") for (const [, end] of args.matchAll(/(\d+)<pipe:/g)) this.#opened(Number(end));
    if (name === "splice" && result > 0) this.#spliced(args, result, line);
  }

  #opened(number: number): void {
    if (this.#closed.delete(number)) this.seen.reopened++;
  }

  #acceptedFrom(returned: string): void {
    const port = portOf(/<(.*)>/.exec(returned)?.[1] ?? "");
    if (port !== null) this.#accepted.set(port, (this.#accepted.get(port) ?? 0) + 1);
  }

  /** With whom the last one that came from there shares its session. */
  #peerOf(port: number): number | undefined {
    return this.#peersOf.get(port)?.[Math.max(0, (this.#accepted.get(port) ?? 0) - 1)];
  }

  #spliced(args: string, bytes: number, line: string): void {
    const [, source = "", sink = ""] = SPLICED.exec(args) ?? [];
    this.seen.splices++;
    const [from, to] = [portOf(source), portOf(sink)];
    if (from !== null) {
      const held = this.#inPipe.get(sink);
      const peer = this.#peerOf(from);
      if (held !== undefined && (held.from !== from || held.to !== peer))
        this.faults.push(`into a pipe that holds another session's: ${line}`);
      this.#inPipe.set(sink, { from, to: peer, bytes: (held?.bytes ?? 0) + bytes });
    } else if (to !== null) {
      const held = this.#inPipe.get(source);
      if (held === undefined || held.to !== to) this.faults.push(`to a socket of another session: ${line}`);
      else if (held.bytes === bytes) this.#inPipe.delete(source);
      else held.bytes -= bytes;
    }
  }
}

function portOf(file: string): number | null {
  const [, port] = PEER.exec(file) ?? [];
  return port === undefined ? null : Number(port);
}
