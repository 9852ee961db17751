/**
 * The data plane that moves bytes with splice(2): bare connections live in threads of their own from the moment they are
 * parked, as two numbers and a descriptor. What stays inside TLS is left to the stream implementation; where one end of a
 * pair is inside TLS, so is the other end's connection.
 */
import type { Link } from "../../link.ts";
import { AnswerWatch } from "../answers.ts";
import type { CloseReason, DataPlane, Leg, Session, SessionOutcome, ThreadVitals, Throttle } from "../plane.ts";
import { StreamPlane } from "../stream/plane.ts";
import { bucketsOf, SharedThrottle } from "../throttle.ts";
import { giveBack, takeOver } from "./hand-over.ts";
import { Counter, type Report } from "./messages.ts";
import { setKeepAlive } from "./syscalls.ts";
import { linuxTcp } from "./tcp.ts";
import { SpliceThread } from "./thread.ts";

/** Large pipes for all threads together: an unprivileged user may have 64 MiB of pipes. */
const LARGE_PIPES = 32;

const NOTHING = Buffer.alloc(0);

/** A parked connection: in a splice thread, or with the stream implementation. */
class KernelLeg implements Leg {
  readonly id: number;
  readonly readAhead: Buffer;
  readonly onDeparted: () => void;
  /** null once it is with the streams, or has departed */
  thread: SpliceThread | null = null;
  stream: Leg | null = null;

  constructor(id: number, readAhead: Buffer, onDeparted: () => void) {
    this.id = id;
    this.readAhead = readAhead;
    this.onDeparted = onDeparted;
  }

  get departed(): boolean {
    return this.stream === null ? this.thread === null : this.stream.departed;
  }
}

class KernelSession implements Session {
  readonly ended: Promise<SessionOutcome>;
  readonly settle: (outcome: SessionOutcome) => void;
  readonly joined = Promise.withResolvers<boolean>();
  readonly id: number;
  readonly slot: number;
  readonly thread: SpliceThread;
  #final: readonly [number, number] | null = null;

  constructor(id: number, slot: number, thread: SpliceThread) {
    const { promise, resolve } = Promise.withResolvers<SessionOutcome>();
    this.ended = promise;
    this.settle = resolve;
    this.id = id;
    this.slot = slot;
    this.thread = thread;
  }

  /** Read where the thread writes them: nobody is asked. */
  get bytes(): readonly [number, number] {
    if (this.#final !== null) return this.#final;
    const at = this.slot * Counter.perSlot;
    const { counters } = this.thread;
    return [counters[at + Counter.first] ?? 0, counters[at + Counter.second] ?? 0];
  }

  get lastActive(): number {
    return this.thread.counters[this.slot * Counter.perSlot + Counter.lastActive] ?? 0;
  }

  throttle(by: readonly Throttle[]): void {
    if (this.#final === null) this.thread.send({ kind: "throttle", session: this.id, buckets: memoryOf(by) });
  }

  end(reason: CloseReason): void {
    if (this.#final === null) this.thread.send({ kind: "end", session: this.id, reason });
  }

  finish(reason: CloseReason, by: 0 | 1 | null): void {
    this.#final = this.bytes;
    this.thread.freeSlot(this.slot);
    this.thread.load -= 2;
    this.settle({ reason, by, bytes: this.#final });
  }
}

export class KernelPlane implements DataPlane {
  readonly kind = "kernel";
  readonly #streams = new StreamPlane(linuxTcp);
  readonly #threads: readonly SpliceThread[];
  readonly #legs = new Map<number, KernelLeg>();
  readonly #releases = new Map<number, (fd: number | null) => void>();
  readonly #sessions = new Map<number, KernelSession>();
  readonly #answers = new AnswerWatch((withinMs) => {
    for (const thread of this.#threads) thread.send({ kind: "endUnanswered", withinMs });
  });
  #lastId = 0;

  /** @param threads how many splice threads sessions are spread over; `pipes`: how many they may have open in all */
  constructor({ threads, pipes }: { readonly threads: number; readonly pipes: number }) {
    const share = (all: number) => Math.max(1, Math.floor(all / threads));
    const perThread = { pipes: share(pipes), large: share(Math.min(LARGE_PIPES, pipes)) };
    this.#threads = Array.from({ length: threads }, () => new SpliceThread(perThread, this.#onReport));
  }

  get answerWithinMs(): number {
    return this.#answers.withinMs;
  }

  set answerWithinMs(ms: number) {
    this.#answers.withinMs = ms;
    this.#streams.answerWithinMs = ms;
  }

  park(link: Link, onDeparted: () => void): Leg {
    const taken = link.kind === "bare" ? takeOver(link) : null;
    if (taken !== null) setKeepAlive(taken.fd, this.answerWithinMs);
    const leg = new KernelLeg(++this.#lastId, taken?.readAhead ?? NOTHING, onDeparted);
    if (taken === null) leg.stream = this.#streams.park(link, onDeparted);
    else this.#parkAt(this.#leastLoaded(), leg, taken.fd);
    return leg;
  }

  openThrottle(bytesPerSecond: number): Throttle {
    return new SharedThrottle(bytesPerSecond, this.#retime);
  }

  async join(
    first: Leg,
    firstHead: Buffer,
    second: Leg,
    secondHead: Buffer,
    throttles: readonly Throttle[] = [],
  ): Promise<Session | null> {
    const [one, other] = [own(first), own(second)];
    if (one.thread !== null && other.thread !== null && one.thread !== other.thread) {
      await this.#moveTo(one.thread, other);
    }
    if (one.departed || other.departed) return null;
    const slot = one.thread !== null && one.thread === other.thread ? one.thread.takeSlot() : null;
    if (one.thread !== null && slot !== null) {
      return this.#joinInThread(one.thread, slot, [one, other], [firstHead, secondHead], throttles);
    }
    const streams = [await this.#toStream(one), await this.#toStream(other)] as const;
    if (streams[0] === null || streams[1] === null) return null;
    return this.#streams.join(streams[0], firstHead, streams[1], secondHead, throttles);
  }

  dismiss(leg: Leg, words: Buffer): void {
    void this.#toStream(own(leg)).then((stream) => {
      if (stream !== null) this.#streams.dismiss(stream, words);
    });
  }

  async turned(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.turned()));
  }

  threads(): readonly ThreadVitals[] {
    return this.#threads.map((thread) => thread.vitals());
  }

  async close(): Promise<void> {
    this.#answers.close();
    await Promise.all(this.#threads.map((thread) => thread.close()));
    for (const release of this.#releases.values()) release(null);
    await this.#streams.close();
  }

  async #joinInThread(
    thread: SpliceThread,
    slot: number,
    [one, other]: readonly [KernelLeg, KernelLeg],
    heads: readonly [Buffer, Buffer],
    throttles: readonly Throttle[],
  ): Promise<Session | null> {
    thread.setCounters(slot, one.readAhead.length, other.readAhead.length);
    const session = new KernelSession(++this.#lastId, slot, thread);
    this.#sessions.set(session.id, session);
    thread.send({
      kind: "join",
      session: session.id,
      slot,
      legs: [one.id, other.id],
      first: [Buffer.concat([heads[0], other.readAhead]), Buffer.concat([heads[1], one.readAhead])],
      buckets: memoryOf(throttles),
    });
    if (await session.joined.promise) {
      for (const leg of [one, other]) this.#legs.delete(leg.id);
      return session;
    }
    this.#sessions.delete(session.id);
    thread.freeSlot(slot);
    return null;
  }

  readonly #retime = (): void => {
    this.#streams.retime();
    for (const thread of this.#threads) thread.send({ kind: "retime" });
  };

  #leastLoaded(): SpliceThread {
    return this.#threads.reduce((least, thread) => (thread.load < least.load ? thread : least));
  }

  #parkAt(thread: SpliceThread, leg: KernelLeg, fd: number): void {
    thread.load++;
    leg.thread = thread;
    this.#legs.set(leg.id, leg);
    thread.send({ kind: "park", leg: leg.id, fd, quiet: leg.readAhead.length === 0 });
  }

  /** Takes the leg out of its thread. Null if the client has departed. */
  #release(leg: KernelLeg): Promise<number | null> {
    const { thread } = leg;
    if (thread === null) return Promise.resolve(null);
    const { promise, resolve } = Promise.withResolvers<number | null>();
    this.#releases.set(leg.id, resolve);
    thread.send({ kind: "release", leg: leg.id });
    return promise;
  }

  async #moveTo(thread: SpliceThread, leg: KernelLeg): Promise<void> {
    const fd = await this.#release(leg);
    if (fd !== null) this.#parkAt(thread, leg, fd);
  }

  async #toStream(leg: KernelLeg): Promise<Leg | null> {
    if (leg.stream === null) {
      const fd = await this.#release(leg);
      if (fd === null) return null;
      leg.stream = this.#streams.park(giveBack({ fd, readAhead: leg.readAhead }), leg.onDeparted);
    }
    return leg.departed ? null : leg.stream;
  }

  /** Its thread has let go of the leg. */
  #leave(id: number): KernelLeg | undefined {
    const leg = this.#legs.get(id);
    if (leg?.thread) leg.thread.load--;
    if (leg !== undefined) leg.thread = null;
    this.#legs.delete(id);
    return leg;
  }

  /** The descriptor is this thread's again: asked for, or because the other one could not watch it. Then the streams do. */
  #onReleased(id: number, fd: number | null): void {
    const leg = this.#leave(id);
    const taker = this.#releases.get(id);
    this.#releases.delete(id);
    if (taker !== undefined) taker(fd);
    else if (leg !== undefined && fd !== null) {
      leg.stream = this.#streams.park(giveBack({ fd, readAhead: leg.readAhead }), leg.onDeparted);
    }
  }

  readonly #onReport = (report: Report): void => {
    switch (report.kind) {
      case "turned":
        break; // the thread's own: thread.ts has heard it
      case "departed":
        this.#leave(report.leg)?.onDeparted();
        break;
      case "released":
        this.#onReleased(report.leg, report.fd);
        break;
      case "joined":
        this.#sessions.get(report.session)?.joined.resolve(report.joined);
        break;
      case "ended": {
        const session = this.#sessions.get(report.session);
        this.#sessions.delete(report.session);
        session?.finish(report.reason, report.by);
        break;
      }
    }
  };
}

function memoryOf(throttles: readonly Throttle[]): SharedArrayBuffer[] {
  return bucketsOf(throttles).map(({ memory }) => memory);
}

function own(leg: Leg): KernelLeg {
  if (leg instanceof KernelLeg) return leg;
  throw new TypeError("a leg of another data plane");
}
