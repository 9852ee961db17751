import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { randomNumbers, seedFrom, until } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Firewall } from "./firewall.ts";
import { type Descriptors, descriptors, type PlainRelay, startPlainRelay } from "./plain-sessions.ts";

const RESETS = Number(process.env.RESETS ?? 60);
const SEED = seedFrom("RESETS_SEED");
const AT_ONCE = 12;
/** In the long form, sessions whose path falls silent besides; in a quick one `a-pulled-cable-….test.ts` has them. */
const SILENT = RESETS < 1_000 ? 0 : 50;
/** Longer than a busy machine takes to answer: it holds for all sessions here. */
const ANSWER_WITHIN_S = 30;
const GIVEN_UP_MS = 10 * ANSWER_WITHIN_S * 1_000;

let plain: PlainRelay;
let firewall: Firewall;
let before: Descriptors;

beforeAll(async () => {
  firewall = new Firewall();
  plain = await startPlainRelay("21170-21179", {
    yaml: `
splice: kernel
sessions: { answerWithin: ${ANSWER_WITHIN_S}s }`,
  });
  before = descriptors(plain.relay.process.pid);
});

afterAll(async () => {
  firewall.remove();
  await plain.relay.finish();
});

const random = randomNumbers(SEED);
let sessions = 0;

/** A session both of whose ends send without end; the first comes from an address of its own. */
class Busy {
  readonly address: string;
  readonly ends: readonly [Socket, Socket];
  readonly number: number;
  #got = 0;

  private constructor(number: number, address: string, ends: readonly [Socket, Socket]) {
    this.number = number;
    this.address = address;
    this.ends = ends;
    for (const [index, end] of ends.entries()) this.#keepBusy(end, 2 * number + index, 2 * number + 1 - index);
  }

  static async start(): Promise<Busy> {
    const number = ++sessions;
    const address = `127.77.${number >> 8}.${number & 255}`;
    const ends = await plain.pair((port) => dial(port, address));
    return new Busy(number, address, ends);
  }

  /** Until so many bytes have arrived, at both ends together. */
  async moved(bytes: number): Promise<void> {
    await until(`${bytes} bytes have arrived`, () => this.#got >= bytes);
  }

  destroy(): void {
    for (const end of this.ends) end.destroy();
  }

  /** Sends its mark, over and over, and fails at the first byte that is not the peer's. */
  #keepBusy(end: Socket, mark: number, peerMark: number): void {
    const [chunk, expected] = [marked(mark), marked(peerMark)];
    const send = () => {
      while (!end.destroyed && end.write(chunk));
    };
    end.on("drain", send);
    let at = 0;
    end.on("data", (bytes: Buffer) => {
      for (let done = 0; done < bytes.length; ) {
        const from = (at + done) % 4;
        const length = Math.min(bytes.length - done, expected.length - from);
        if (!bytes.subarray(done, done + length).equals(expected.subarray(from, from + length))) {
          end.destroy(new Error("bytes of another session"));
          foreign++;
        }
        done += length;
      }
      at += bytes.length;
      this.#got += bytes.length;
    });
    send();
  }
}

let foreign = 0;

function marked(mark: number): Buffer {
  const bytes = Buffer.alloc(16 * 1024);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(mark, at);
  return bytes;
}

function dial(port: number, localAddress: string): Socket {
  const socket = connect({ port, host: "127.0.0.1", localAddress, allowHalfOpen: true, noDelay: true });
  return socket.on("error", () => {});
}

/** The kernel closes the sockets that `filter` finds, as a failing path or an operator would. */
function killSockets(...filter: string[]): void {
  execFileSync("ss", ["-K", ...filter], { stdio: "ignore" });
}

const WAYS: readonly (readonly [string, (session: Busy) => void])[] = [
  ["an end resets (SO_LINGER 0)", ({ ends }) => ends[0].resetAndDestroy()],
  ["the kernel kills an end's socket", ({ address }) => killSockets("src", address)],
  ["the kernel kills the relay's socket", ({ address }) => killSockets("dst", address)],
  ["a firewall resets", ({ address }) => firewall.block(address, "rejected")],
];

it.each(WAYS)(
  `${Math.ceil(RESETS / WAYS.length)} times %s: the other end is reset (RESETS_SEED=${SEED})`,
  async (_way, cut) => {
    let left = Math.ceil(RESETS / WAYS.length);
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (left-- > 0) {
          const session = await Busy.start();
          await session.moved(1 + random() * (1 << 20));
          const reset = once(session.ends[1], "error");
          cut(session);
          expect((await reset)[0]).toMatchObject({ code: expect.stringMatching(/^ECONNRESET|EPIPE$/) });
          session.destroy();
        }
      }),
    );
    expect(foreign).toBe(0);
    await until("all sessions have ended", async () => (await plain.relay.status()).sessions.live === 0);
    const ended = plain.relay.log().filter(({ event }) => event === "ended");
    expect(new Set(ended.map(({ reason }) => reason))).toEqual(new Set(["reset"]));
  },
  60_000 + RESETS * 100,
);

async function silence(): Promise<void> {
  const silent = await Promise.all(Array.from({ length: SILENT }, () => Busy.start()));
  await Promise.all(silent.map((session) => session.moved(1 << 16)));
  const resets = silent.map(({ ends }) => once(ends[1], "error"));
  for (const { address } of silent) firewall.block(address, "silenced");
  for (const reset of resets) expect((await reset)[0]).toMatchObject({ code: "ECONNRESET" });
  for (const session of silent) session.destroy();
}

if (SILENT > 0)
  it(`${SILENT} at once whose path falls silent: given up, and the other end is reset`, silence, GIVEN_UP_MS);

it("and the relay has its descriptors and pipes back", async () => {
  const { relay } = plain;
  const files = ({ all, sockets }: Descriptors) => all - sockets; // those of the control socket come and go
  await relay.quiet();
  const now = () => descriptors(relay.process.pid);
  await expect.poll(() => now().pipes, { timeout: 5_000 }).toBeLessThanOrEqual(before.pipes);
  expect(files(now())).toBeLessThanOrEqual(files(before));
});
