/** One relayd under load for long: what it carries is verified byte by byte, and it has to be as it was when all is over. */
import { type End, meet, park, until } from "@serverless-relay/testkit";
import { type Descriptors, descriptors, type PlainRelay, startPlainRelay } from "../faults/plain-sessions.ts";
import { Footprint } from "./footprint.ts";
import { NativeEnds } from "./native.ts";
import type { Figures, Part } from "./part.ts";

export interface LoadOptions {
  /** each way */
  readonly gib: number;
  readonly sessions: number;
  /** of steady load; and the longest that each of the others may take */
  readonly minutes: number;
  readonly seed: number;
}

const AT_ONCE = 16;
/** The steady load, which leaves the machine to others: sessions a second, and what the flow that never ends carries each way. */
const STEADY = { plainPerSecond: 20, pairsPerSecond: 5, mibPerSecond: 10, parked: 50 };
const YAML = `splice: kernel
limits: { handshakes: 4000, handshakesPerAddress: 4000, arrivalsPerAddress: 100000, arrivalsPerFunction: 100000 }`;

/** The parts that share one relayd, in this order. */
export class Load {
  readonly #options: LoadOptions;
  readonly #plain: PlainRelay;
  readonly #ends: NativeEnds;
  readonly #before: Descriptors;

  private constructor(options: LoadOptions, plain: PlainRelay, ends: NativeEnds) {
    this.#options = options;
    this.#plain = plain;
    this.#ends = ends;
    this.#before = descriptors(plain.relay.process.pid);
  }

  static async start(options: LoadOptions): Promise<Load> {
    const ends = await NativeEnds.compile();
    const plain = await startPlainRelay("21160-21169", { yaml: YAML });
    await plain.relay.control.setLogLevel("error"); // each line is kept in memory, here
    return new Load(options, plain, ends);
  }

  parts(): Part[] {
    const { gib, sessions, minutes } = this.#options;
    return [
      { name: "bytes", what: `${gib} GiB each way, verified`, run: () => this.#bytes() },
      { name: "churn", what: `${sessions} sessions, a fifth of them reset`, run: () => this.#churn() },
      { name: "memory", what: `${minutes} min of steady load`, run: () => this.#memory() },
    ];
  }

  /** Everybody has gone: it has no more open than at the start, connections of the control socket apart, and ends well. */
  async finish(): Promise<Figures> {
    const { relay } = this.#plain;
    const before = this.#before;
    try {
      await relay.quiet();
      const files = ({ all, sockets }: Descriptors) => all - sockets;
      let now = descriptors(relay.process.pid);
      const areBack = () => {
        now = descriptors(relay.process.pid); // all of it at one moment: connections of the control socket come and go
        return now.pipes <= before.pipes && files(now) <= files(before);
      };
      await until("its pipes and files are back", areBack).catch((error: unknown) => {
        throw new Error(`${files(now)} descriptors that are no sockets, and ${files(before)} at the start`, {
          cause: error,
        });
      });
      return {
        filesBefore: files(before),
        files: files(now),
        pipesBefore: before.pipes,
        pipes: now.pipes,
        connections: 0,
      };
    } finally {
      await relay.stop();
      await this.#ends.discard();
    }
  }

  async #bytes(): Promise<Figures> {
    const { gib, minutes } = this.#options;
    const { bytes = 0, seconds = 0 } = await this.#ends.start("flow", [this.#plain.port, gib, minutes * 60, 0]).figures;
    const carried = bytes / 2 ** 30;
    return { gibVerified: rounded(carried), gibPerSecond: rounded(carried / seconds) };
  }

  #churn(): Promise<Figures> {
    const { sessions, minutes, seed } = this.#options;
    return this.#ends.start("churn", [this.#plain.port, sessions, minutes * 60, AT_ONCE, 0, seed]).figures;
  }

  /** A flow that never ends, sessions that come and go, plain ones and authenticated ones, functions that are parked. */
  async #memory(): Promise<Figures> {
    const { relay, port } = this.#plain;
    const seconds = this.#options.minutes * 60;
    const footprint = new Footprint(relay.process.pid);
    const flow = this.#ends.start("flow", [port, 1e6, seconds, STEADY.mibPerSecond]);
    const churn = this.#ends.start("churn", [port, 1e9, seconds, AT_ONCE, STEADY.plainPerSecond, this.#options.seed]);
    const pairs = this.#pairs(performance.now() + seconds * 1_000);
    const [flowed, churned, met] = await Promise.all([flow.figures, churn.figures, pairs]);
    const gibVerified = rounded(((flowed.bytes ?? 0) + (churned.bytes ?? 0)) / 2 ** 30);
    return { ...footprint.stop(), gibVerified, plainSessions: churned.sessions ?? 0, authenticatedPairs: met };
  }

  /** Until then, authenticated pairs meet, one after another, beside some that are parked and left alone. */
  async #pairs(deadline: number): Promise<number> {
    const { relay } = this.#plain;
    const [f1, f2] = [await relay.issue("f1"), await relay.issue("f2")];
    const idle: End[] = [];
    for (let count = 0; count < STEADY.parked; count++) idle.push(await park(relay, f1, "f2", { channel: 1 }));
    let met = 0;
    for (; performance.now() < deadline; met++) {
      const began = performance.now();
      const transport = met % 4 === 0 ? "tls" : "raw";
      const { ends } = await meet(relay, f1, f2, [{ transport }, {}]);
      ends[0].stream.end(`for ${met}`);
      if ((await ends[1].rest()) !== `for ${met}`) throw new Error(`pair ${met} did not get what was sent`);
      for (const end of ends) end.destroy();
      const left = 1_000 / STEADY.pairsPerSecond - (performance.now() - began);
      if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
    }
    for (const end of idle) end.destroy();
    return met;
  }
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
