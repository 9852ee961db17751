/** The main thread's side of a splice thread: commands out, reports in. */
import { once } from "node:events";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { ThreadVitals } from "../plane.ts";
import { monotonicMs } from "../token-bucket.ts";
import { type Command, Counter, Flag, type Report, type ThreadSetup } from "./messages.ts";
import { close, eventfd, write } from "./syscalls.ts";
import { newVitals, readVitals } from "./vitals.ts";

/** Sessions that one thread can count at once; the memory is only used as far as they are. */
const SLOTS = 65_536;

const ONE = Buffer.alloc(8);
ONE.writeBigUInt64LE(1n);

export class SpliceThread {
  readonly counters = new Float64Array(new SharedArrayBuffer(SLOTS * Counter.perSlot * 8));
  /** sessions and parked connections that are its own */
  load = 0;
  readonly #flags = new Int32Array(new SharedArrayBuffer(Flag.count * 4));
  readonly #vitals = newVitals();
  readonly #wakeFd: number;
  readonly #port: MessagePort;
  readonly #worker: Worker;
  readonly #exited: Promise<unknown>;
  readonly #freeSlots: number[] = [];
  /** of those who wait for the thread to turn */
  #turned: (() => void)[] = [];
  #usedSlots = 0;
  #waking = false;
  #closed = false;

  constructor(pipes: ThreadSetup["pipes"], onReport: (report: Report) => void) {
    this.#wakeFd = eventfd();
    if (this.#wakeFd < 0) throw new Error(`eventfd: errno ${-this.#wakeFd}`);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const workerData: ThreadSetup = {
      commands: port2,
      wakeFd: this.#wakeFd,
      flags: this.#flags,
      counters: this.counters,
      vitals: this.#vitals,
      pipes,
    };
    // Beside this file, as it is now: compiled, or (in unit tests) as written.
    const file = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);
    // It makes next to no garbage, and shall not keep much of it.
    const resourceLimits = { maxYoungGenerationSizeMb: 2 };
    this.#worker = new Worker(file, { workerData, transferList: [port2], name: "splice", resourceLimits });
    this.#worker.on("message", (report: Report) => {
      if (report.kind === "turned") this.#turned.shift()?.();
      else onReport(report);
    });
    this.#exited = once(this.#worker, "exit");
    // process.exit() waits for the thread, which would sleep on.
    process.once("exit", this.#stop);
    this.#port.unref();
  }

  vitals(): ThreadVitals {
    return readVitals(this.#vitals);
  }

  /** Resolves once the thread has turned: that is what a watchdog wants to know. Once it is closed, at once. */
  turned(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turned.push(resolve);
    this.send({ kind: "turn" });
    return promise;
  }

  send(command: Command): void {
    if (this.#closed) return;
    this.#port.postMessage(command);
    // Waking a thread costs more than all else here: once for what a turn of this loop sends (a park and the join that
    // follows at once, say), and not at all while the thread has yet to look. A join comes last, and somebody waits for it.
    if (command.kind === "join") this.#wake();
    else this.#wakeSoon();
  }

  /** A place in `counters`; null if all are taken. */
  takeSlot(): number | null {
    const slot = this.#freeSlots.pop() ?? (this.#usedSlots < SLOTS ? this.#usedSlots++ : null);
    return slot;
  }

  /** What a session has delivered before it begins. */
  setCounters(slot: number, first: number, second: number): void {
    const at = slot * Counter.perSlot;
    this.counters[at + Counter.first] = first;
    this.counters[at + Counter.second] = second;
    this.counters[at + Counter.lastActive] = monotonicMs();
  }

  freeSlot(slot: number): void {
    this.#freeSlots.push(slot);
  }

  /** Resets what the thread still carries, and ends it. */
  async close(): Promise<void> {
    this.send({ kind: "close" });
    this.#closed = true;
    await this.#exited;
    for (const resolve of this.#turned) resolve();
    process.off("exit", this.#stop);
    this.#port.close();
    close(this.#wakeFd);
  }

  #wakeSoon(): void {
    if (!this.#waking) setImmediate(this.#onTurn);
    this.#waking = true;
  }

  readonly #onTurn = (): void => {
    this.#waking = false;
    this.#wake();
  };

  #wake(): void {
    if (Atomics.exchange(this.#flags, Flag.woken, 1) === 0) write(this.#wakeFd, ONE);
  }

  readonly #stop = (): void => {
    Atomics.store(this.#flags, Flag.stop, 1);
    write(this.#wakeFd, ONE);
  };
}
