import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Running, randomNumbers, readAll, seedFrom } from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DescriptorUses } from "./descriptor-uses.ts";
import { type PlainRelay, startPlainRelay } from "./plain-sessions.ts";

const SESSIONS = Number(process.env.TRACED_SESSIONS ?? 120);
const SEED = seedFrom("TRACED_SEED");
const AT_ONCE = 10;
const CALLS =
  "close,splice,read,write,writev,sendmsg,recvfrom,shutdown,setsockopt,ioctl,fcntl,epoll_ctl,accept4,pipe2,socket,openat,eventfd2,epoll_create1,dup,dup2,dup3";

let plain: PlainRelay;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "relay-trace-"));
  plain = await startPlainRelay("21190-21199", { yaml: "splice: { mode: kernel, threads: 3 }" });
});

afterAll(async () => {
  await plain.relay.finish();
  await rm(directory, { recursive: true });
});

const peersOf = new Map<number, number[]>();
const random = randomNumbers(SEED);

async function oneSession(): Promise<void> {
  const [a, b] = await plain.pair();
  const [portA, portB] = [a, b].map((end) => (end.address() as AddressInfo).port) as [number, number];
  peersOf.set(portA, [...(peersOf.get(portA) ?? []), portB]).set(portB, [...(peersOf.get(portB) ?? []), portA]);
  const bytes = Buffer.alloc(Math.floor(2 ** (random() * 18)));
  if (random() < 0.3) {
    for (const end of [a, b]) end.resume();
    a.write(bytes);
    await cutOff(a, b);
    return;
  }
  a.end(bytes);
  b.end(bytes);
  const got = await Promise.all([readAll(a), readAll(b)]);
  expect(got.map(({ length }) => length)).toEqual([bytes.length, bytes.length]);
}

/** `a` resets, and `b` hears of it. */
async function cutOff(a: Socket, b: Socket): Promise<void> {
  const over = new Promise((resolve) => b.once("close", resolve));
  a.resetAndDestroy();
  await over;
}

it(
  `in ${SESSIONS} sessions over three threads, by strace, nor spliced to another session (TRACED_SEED=${SEED})`,
  async () => {
    const log = join(directory, "strace.log");
    const args = ["-f", "-yy", "-p", String(plain.relay.process.pid), "-e", `trace=${CALLS}`, "-o", log];
    const strace = Running.startCommand("strace", args);
    await strace.line(/attached/);
    let left = SESSIONS;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (left-- > 0) await oneSession();
      }),
    );
    await plain.relay.quiet();
    await strace.stop("SIGINT");
    const uses = new DescriptorUses(peersOf);
    for await (const line of createInterface({ input: createReadStream(log) })) uses.line(line);
    expect(uses.faults).toEqual([]);
    expect(uses.seen.closes).toBeGreaterThan(2 * SESSIONS);
    expect(uses.seen.reopened).toBeGreaterThan(SESSIONS);
    expect(uses.seen.splices).toBeGreaterThan(SESSIONS);
  },
  60_000 + SESSIONS * 500,
);

describe("the reader of the trace finds", () => {
  const SOCKET_A = "20<TCP:[127.0.0.1:7->127.0.0.1:1001]>";
  const SOCKET_B = "21<TCP:[127.0.0.1:7->127.0.0.1:1002]>";
  const SOCKET_C = "22<TCP:[127.0.0.1:7->127.0.0.1:1003]>";
  const opened = `7 accept4(3<TCP:[127.0.0.1:7]>, NULL, NULL, SOCK_CLOEXEC) = ${SOCKET_A}`;
  const filled = `7 splice(${SOCKET_A}, NULL, 31<pipe:[9]>, NULL, 65536, SPLICE_F_MOVE) = 5`;

  it.each([
    ["a use after close", [`7 close(${SOCKET_A}) = 0`, "8 shutdown(20, SHUT_WR) = -1 EBADF (Bad file descriptor)"]],
    [
      "a use while another thread closes",
      [`7 close(${SOCKET_A} <unfinished ...>`, `8 shutdown(${SOCKET_A}, SHUT_WR) = 0`],
    ],
    [
      "a splice after close",
      [`7 close(${SOCKET_A}) = 0`, "8 splice(31<pipe:[9]>, NULL, 20, NULL, 9, SPLICE_F_MOVE) = -1 EBADF"],
    ],
    ["a second close", [`7 close(${SOCKET_A}) = 0`, "7 close(20) = -1 EBADF (Bad file descriptor)"]],
    ["bytes for another session", [filled, `7 splice(30<pipe:[9]>, NULL, ${SOCKET_C}, NULL, 5, SPLICE_F_MOVE) = 5`]],
    ["two sessions in one pipe", [filled, `7 splice(${SOCKET_B}, NULL, 31<pipe:[9]>, NULL, 65536, SPLICE_F_MOVE) = 9`]],
  ])("%s", (_what, lines) => {
    const uses = new DescriptorUses(
      new Map([
        [1001, [1002]],
        [1002, [1001]],
      ]),
    );
    for (const line of [opened, ...lines]) uses.line(line);
    expect(uses.faults).toHaveLength(1);
  });

  it("nothing wrong with a number that was opened anew, nor with a port that was used again", () => {
    const uses = new DescriptorUses(
      new Map([
        [1001, [1002, 1003]],
        [1002, [1001]],
        [1003, [1001]],
      ]),
    );
    const drained = `8 splice(30<pipe:[9]>, NULL, ${SOCKET_B}, NULL, 5, SPLICE_F_MOVE) = 5`;
    const again = `8 splice(30<pipe:[9]>, NULL, ${SOCKET_C}, NULL, 5, SPLICE_F_MOVE) = 5`;
    for (const line of [opened, filled, drained, `7 close(${SOCKET_A}) = 0`, opened, filled, again]) uses.line(line);
    expect([uses.faults, uses.seen.reopened]).toEqual([[], 1]);
  });
});
