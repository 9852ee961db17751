/**
 * The loop of one splice thread. It alone owns the file descriptors that were handed to it: it watches the parked, carries
 * the sessions, and closes what has ended. It sleeps in epoll_wait, and uses no CPU while nothing moves.
 */
import { Allowance } from "../allowance.ts";
import { Answers } from "../answers.ts";
import type { CloseReason } from "../plane.ts";
import { monotonicMs, TokenBucket } from "../token-bucket.ts";
import { Epoll } from "./epoll.ts";
import { type Endpoint, type Failure, Flow, type Step } from "./flow.ts";
import { type Command, Counter, Flag, type Report, type ThreadSetup } from "./messages.ts";
import { PipePool } from "./pipe-pool.ts";
import {
  close,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
  keepUrgentInLine,
  read,
  readable,
  reset,
  tcpState,
} from "./syscalls.ts";
import { noteTurn } from "./vitals.ts";
import { WaitingList } from "./waiting-list.ts";

/** Bytes that one direction may move before the others have their turn. */
const BUDGET = 1 << 20;

/** epoll_wait's timeout is an int; a session that waits so long is asked again. */
const LONGEST_SLEEP_MS = 60_000;

/** When there is no session any more, pipes are kept for so long. */
const UNUSED_PIPES_MS = 1_000;

/** Sessions that are looked at in one turn, whether their ends answer: some 2 µs each. */
const LOOKS_A_TURN = 128;

const FIRST_FIRST = [0, 1] as const;
const SECOND_FIRST = [1, 0] as const;

const WAKE_ID = 0;
const PARKED = EPOLLRDHUP; // EPOLLERR and EPOLLHUP come unasked
const CARRIED = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP;
/** While there is more to read than the session may move: each further segment that comes would be told of, for nothing. */
const THROTTLED = EPOLLOUT | EPOLLRDHUP;

/** Failed system calls that mean that the peer, or the path to it, is gone: the session was reset, rather than broken here. */
const CONNECTION_ERRNOS = new Set([32, 103, 104, 107, 110, 111, 112, 113]); // EPIPE, ECONNABORTED, ECONNRESET, ENOTCONN, …

interface Leg extends Endpoint {
  readonly id: number;
  readonly quiet: boolean;
  session: Session | null;
  /** watched for THROTTLED, not for CARRIED */
  muted: boolean;
  /** null as long as it is parked */
  answers: Answers | null;
}

interface Session {
  readonly id: number;
  readonly slot: number;
  readonly legs: readonly [Leg, Leg];
  /** what the first end sends, what the second does */
  readonly flows: readonly [Flow, Flow];
  queued: boolean;
  /** what it may move, where that is limited */
  allowance: Allowance | null;
  /** in the waiting list */
  waits: boolean;
  /** the direction that is served first: the one that was not served last, for they share the allowance */
  first: 0 | 1;
}

export class Loop {
  readonly #setup: ThreadSetup;
  readonly #receive: () => Command | undefined;
  readonly #report: (report: Report) => void;
  readonly #epoll = new Epoll();
  readonly #pipes: PipePool;
  readonly #legs = new Map<number, Leg>();
  readonly #sessions = new Map<number, Session>();
  readonly #throttled = new WaitingList<Session>();
  #ready: Session[] = [];
  /** those that have yet to be looked at, whether their ends answer */
  #unlooked: Iterator<Session> | null = null;
  #withinMs = Number.POSITIVE_INFINITY;
  #closing = false;

  constructor(setup: ThreadSetup, receive: () => Command | undefined, report: (report: Report) => void) {
    this.#setup = setup;
    this.#receive = receive;
    this.#report = report;
    this.#pipes = new PipePool(setup.pipes);
    this.#epoll.add(setup.wakeFd, WAKE_ID, EPOLLIN);
  }

  /** Returns when it has been told to close, with every file descriptor closed. */
  run(): void {
    while (!this.#closing) {
      const waits = this.#ready.length === 0 && this.#unlooked === null;
      const events = this.#epoll.wait(waits ? this.#untilDue() : 0);
      if (events === 0 && this.#sessions.size === 0) this.#pipes.close(); // nobody has come for them
      const began = performance.now();
      this.#epoll.each(events, this.#onEvent);
      if (this.#throttled.size > 0) this.#wakeDue();
      const turn = this.#ready;
      this.#ready = [];
      for (const session of turn) this.#advance(session);
      if (this.#unlooked !== null) this.#lookForAnswers(this.#unlooked);
      noteTurn(this.#setup.vitals, (performance.now() - began) / 1000, this.#pipes.open);
      if (Atomics.load(this.#setup.flags, Flag.stop) === 1) break;
    }
    for (const session of this.#sessions.values()) this.#end(session, "shutdown", null);
    for (const leg of this.#legs.values()) reset(leg.fd);
    this.#pipes.close();
    this.#epoll.close();
  }

  readonly #onEvent = (id: number, events: number): void => {
    if (id === WAKE_ID) {
      this.#obey();
      return;
    }
    const leg = this.#legs.get(id);
    if (leg === undefined) return; // an event of a descriptor that was let go of in this very turn
    if (leg.session === null) this.#onParked(leg, events);
    else this.#onCarried(leg, leg.session, events);
  };

  #onParked(leg: Leg, events: number): void {
    leg.ended = true;
    const broken = (events & (EPOLLERR | EPOLLHUP)) !== 0;
    if (!broken && !(leg.quiet && readable(leg.fd) === 0)) return; // a half-close, behind bytes that wait
    this.#forget(leg);
    close(leg.fd);
    this.#report({ kind: "departed", leg: leg.id });
  }

  #onCarried(leg: Leg, session: Session, events: number): void {
    if ((events & EPOLLERR) !== 0) {
      this.#end(session, "reset", session.legs[0] === leg ? 0 : 1);
      return;
    }
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) !== 0) leg.readable = true;
    if ((events & (EPOLLRDHUP | EPOLLHUP)) !== 0) leg.ended = true;
    if ((events & EPOLLPRI) !== 0) leg.urgent = true;
    if ((events & EPOLLOUT) !== 0) leg.writable = true;
    this.#enqueue(session);
  }

  #enqueue(session: Session): void {
    if (session.queued) return;
    session.queued = true;
    this.#ready.push(session);
  }

  #advance(session: Session): void {
    session.queued = false;
    if (!this.#sessions.has(session.id)) return; // it has ended since it was queued
    session.allowance?.nextTurn();
    const before = session.flows[0].delivered + session.flows[1].delivered;
    for (const end of session.first === 0 ? FIRST_FIRST : SECOND_FIRST) {
      const flow = session.flows[end];
      const delivered = flow.delivered;
      const step = flow.advance(BUDGET, this.#pipes, session.allowance);
      if (flow.delivered > delivered) session.first = end === 0 ? 1 : 0;
      if (isFailure(step)) {
        this.#count(session);
        this.#fail(session, end, step);
        return;
      }
      if (step === "more") this.#enqueue(session);
      if (session.allowance !== null) this.#await(session, session.legs[end], step, session.allowance);
    }
    if (session.flows[0].delivered + session.flows[1].delivered > before) this.#count(session);
    if (session.flows[0].done && session.flows[1].done) this.#end(session, "completed", null);
  }

  /** After a throttled session has moved what it may: has it woken when it may move more, and not before. */
  #await(session: Session, source: Leg, step: Step, allowance: Allowance): void {
    if (step === "throttled") {
      if (!source.muted) this.#watch(source, THROTTLED);
      if (session.waits) return;
      session.waits = true;
      this.#throttled.add(session, allowance.dueAt());
    } else if (source.muted && !source.readable) {
      this.#watch(source, CARRIED);
    }
  }

  #watch(leg: Leg, mask: number): void {
    leg.muted = mask === THROTTLED;
    this.#epoll.change(leg.fd, leg.id, mask);
  }

  /** How long the loop may sleep, in whole ms; -1: until something happens. */
  #untilDue(): number {
    if (this.#sessions.size === 0 && this.#pipes.open > 0) return UNUSED_PIPES_MS;
    if (this.#throttled.size === 0) return -1;
    return Math.min(LONGEST_SLEEP_MS, Math.max(0, Math.ceil(this.#throttled.next - monotonicMs())));
  }

  #wakeDue(): void {
    const now = monotonicMs();
    for (let due = this.#throttled.takeDue(now); due !== undefined; due = this.#throttled.takeDue(now)) {
      due.waits = false;
      this.#enqueue(due);
    }
  }

  #count({ slot, flows }: Session): void {
    const { counters } = this.#setup;
    const at = slot * Counter.perSlot;
    counters[at + Counter.first] = flows[0].delivered;
    counters[at + Counter.second] = flows[1].delivered;
    counters[at + Counter.lastActive] = monotonicMs();
  }

  /** Thousands of sessions are looked at in slices, so that the others go on. */
  #lookForAnswers(unlooked: Iterator<Session>): void {
    const now = monotonicMs();
    for (let looks = 0; looks < LOOKS_A_TURN; looks++) {
      const { done, value: session } = unlooked.next();
      if (done === true) {
        this.#unlooked = null;
        return;
      }
      const silent = session.legs.findIndex(({ fd, answers }) => owedMs(fd, answers, now) >= this.#withinMs);
      if (silent >= 0) this.#end(session, "reset", silent === 0 ? 0 : 1);
    }
  }

  #fail(session: Session, from: 0 | 1, { side, errno }: Failure): void {
    const other = from === 0 ? 1 : 0;
    const by = side === "source" ? from : other;
    if (CONNECTION_ERRNOS.has(errno)) this.#end(session, "reset", by);
    else this.#end(session, "splice_failed", null);
  }

  #end(session: Session, reason: CloseReason, by: 0 | 1 | null): void {
    this.#sessions.delete(session.id);
    session.allowance?.release();
    if (session.waits) this.#throttled.remove(session);
    for (const flow of session.flows) flow.release(this.#pipes);
    for (const leg of session.legs) {
      this.#forget(leg);
      if (reason === "completed") close(leg.fd);
      else reset(leg.fd);
    }
    this.#report({ kind: "ended", session: session.id, reason, by });
  }

  #forget(leg: Leg): void {
    this.#legs.delete(leg.id);
    this.#epoll.remove(leg.fd);
  }

  #obey(): void {
    read(this.#setup.wakeFd, Buffer.alloc(8));
    Atomics.store(this.#setup.flags, Flag.woken, 0);
    for (let command = this.#receive(); command !== undefined; command = this.#receive()) this.#execute(command);
  }

  #execute(command: Command): void {
    switch (command.kind) {
      case "park":
        this.#park(command.leg, command.fd, command.quiet);
        break;
      case "join":
        this.#report({ kind: "joined", session: command.session, joined: this.#join(command) });
        break;
      case "release":
        this.#release(command.leg);
        break;
      case "end": {
        const session = this.#sessions.get(command.session);
        if (session !== undefined) this.#end(session, command.reason, null);
        break;
      }
      case "throttle": {
        const session = this.#sessions.get(command.session);
        if (session !== undefined) this.#throttle(session, command.buckets);
        break;
      }
      case "retime":
        this.#throttled.retime(({ allowance }) => allowance?.dueAt() ?? 0);
        break;
      case "endUnanswered":
        this.#withinMs = command.withinMs;
        this.#unlooked ??= this.#sessions.values();
        break;
      case "turn":
        this.#report({ kind: "turned" });
        break;
      case "close":
        this.#closing = true;
        break;
    }
  }

  #park(id: number, fd: number, quiet: boolean): void {
    // That tells at once of a FIN that has come already. The kernel may refuse (ENOMEM, ENOSPC): then somebody else has to carry it.
    if (this.#epoll.add(fd, id, PARKED) < 0) {
      this.#report({ kind: "released", leg: id, fd });
      return;
    }
    keepUrgentInLine(fd);
    const leg: Leg = {
      id,
      fd,
      quiet,
      readable: true,
      writable: true,
      ended: false,
      urgent: false,
      session: null,
      muted: false,
      answers: null,
    };
    this.#legs.set(id, leg);
  }

  #join({ session: id, slot, legs: [one, other], first, buckets }: Command & { kind: "join" }): boolean {
    const [a, b] = [this.#legs.get(one), this.#legs.get(other)];
    if (a === undefined || b === undefined) return false;
    const flows = [new Flow(a, b, pendingOf(first[1])), new Flow(b, a, pendingOf(first[0]))] as const;
    const session: Session = {
      id,
      slot,
      legs: [a, b],
      flows,
      queued: false,
      allowance: allowanceOf(buckets),
      waits: false,
      first: 0,
    };
    const { counters } = this.#setup;
    flows[0].delivered = counters[slot * Counter.perSlot + Counter.first] ?? 0;
    flows[1].delivered = counters[slot * Counter.perSlot + Counter.second] ?? 0;
    this.#sessions.set(id, session);
    for (const leg of session.legs) {
      leg.session = session;
      leg.answers = new Answers();
      this.#epoll.change(leg.fd, leg.id, CARRIED);
    }
    this.#enqueue(session);
    return true;
  }

  #throttle(session: Session, buckets: readonly SharedArrayBuffer[]): void {
    session.allowance?.release();
    session.allowance = allowanceOf(buckets);
    for (const leg of session.legs) if (leg.muted) this.#watch(leg, CARRIED);
    if (session.waits) this.#throttled.remove(session);
    session.waits = false;
    this.#enqueue(session);
  }

  #release(id: number): void {
    const leg = this.#legs.get(id);
    if (leg !== undefined) this.#forget(leg);
    this.#report({ kind: "released", leg: id, fd: leg?.fd ?? null });
  }
}

function allowanceOf(buckets: readonly SharedArrayBuffer[]): Allowance | null {
  return Allowance.of(buckets.map((memory) => new TokenBucket(memory)));
}

function pendingOf(bytes: Uint8Array): Buffer | null {
  return bytes.length === 0 ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function owedMs(fd: number, answers: Answers | null, now: number): number {
  const state = tcpState(fd);
  return state === null || answers === null ? 0 : answers.owedMs(state, now);
}

function isFailure(step: Step): step is Failure {
  return typeof step === "object";
}
