import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect as dialTcp, type Socket } from "node:net";
import { connectHead, type FunctionFiles, OuterClient, RunningRelay, readHead, until } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

const CROWD = 2_000;
const DEADLINE_S = 8;
const PAIRS = 100;

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  // But for the deadline, all limits are the defaults.
  relay = await RunningRelay.start({
    routes: [["f1", "f2"]],
    yaml: `limits: { handshakeTimeout: ${DEADLINE_S}s }`,
  });
  [f1, f2] = [await relay.issue("f1"), await relay.issue("f2")];
});

afterAll(() => relay.finish());

/** How a ClientHello begins: a record of 512 bytes, of which one comes a second. */
const SLOW_HELLO = Buffer.concat([Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]), randomBytes(501)]);

class Crowd {
  readonly #sockets = new Set<Socket>();
  readonly #trickle: NodeJS.Timeout;
  #sent = 0;

  /** All from 127.0.0.1: a third is silent, a third talks garbage, a third sends a byte a second. */
  constructor(port: number) {
    for (let index = 0; index < CROWD; index++) this.#join(port, index);
    this.#trickle = setInterval(() => {
      this.#sent++;
      for (const socket of this.#sockets)
        if (slow.has(socket)) socket.write(SLOW_HELLO.subarray(this.#sent, this.#sent + 1));
    }, 1_000);
  }

  get size(): number {
    return this.#sockets.size;
  }

  end(): void {
    clearInterval(this.#trickle);
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(port: number, index: number): void {
    const socket = dialTcp({ port, host: "127.0.0.1" });
    this.#sockets.add(socket);
    socket.on("error", () => {}).resume();
    socket.once("close", () => this.#sockets.delete(socket));
    if (index % 3 === 1) socket.write(randomBytes(64));
    if (index % 3 === 2) {
      slow.add(socket);
      socket.write(SLOW_HELLO.subarray(0, 1));
    }
  }
}

const slow = new WeakSet<Socket>();

/** Both ends dial, are paired, and are told so. Gives how long that took. Rejects if one of them is not let in. */
async function meetFrom(localAddress: string): Promise<number> {
  const began = performance.now();
  const clients: OuterClient[] = [];
  try {
    for (const [self, peer] of [[f1, "f2"] as const, [f2, "f1"] as const]) {
      const client = await OuterClient.dial(relay.port, self, { localAddress });
      clients.push(client);
      client.request(connectHead(`${peer}:443`));
    }
    for (const { tls } of clients) expect(await readHead(tls)).toMatch(/^HTTP\/1\.1 200 /);
    return performance.now() - began;
  } finally {
    for (const client of clients) client.destroy();
  }
}

it("2,000 silent, garbled or slow connections: others meet within half a second, and the 2,000 are gone in time", async () => {
  const crowd = new Crowd(relay.port);
  const began = performance.now();
  try {
    const took: number[] = [];
    while (took.length < PAIRS) took.push(await meetFrom("127.0.0.2"));
    expect(took.toSorted((a, b) => a - b)[Math.ceil(PAIRS * 0.99) - 1]).toBeLessThan(500);

    // Those who share the address have to wait for a second, and not for the deadline of the others.
    await until("a pair from the same address meets", () => meetFrom("127.0.0.1").catch(() => null), 5_000);
    expect(crowd.size).toBeGreaterThan(100);

    await until("the crowd is gone", () => crowd.size === 0, (DEADLINE_S + 2) * 1_000 - (performance.now() - began));
    const { refused } = await relay.status();
    expect(refused).toMatchObject({ too_many_arrivals: expect.any(Number), too_many_handshakes: expect.any(Number) });
  } finally {
    crowd.end();
  }
});

it("as many from everywhere: a function that comes gets in, and the control socket answers", async () => {
  const sockets: Socket[] = [];
  for (let index = 0; index < CROWD; index++) {
    const socket = dialTcp({ port: relay.port, host: "127.0.0.1", localAddress: `127.0.${index % 50}.3` });
    sockets.push(socket.on("error", () => {}).resume());
  }
  try {
    await until("all places are taken", async () => (await relay.status()).limits.handshakes.used > 500);
    await until("a pair meets", () => meetFrom("127.0.0.2").catch(() => null), 5_000);
    const { limits } = await relay.status();
    expect(limits.handshakes.used).toBeLessThanOrEqual(limits.handshakes.limit);
  } finally {
    for (const socket of sockets) socket.destroy();
    await Promise.all(sockets.filter((socket) => !socket.closed).map((socket) => once(socket, "close")));
  }
});
