import { createHash, randomBytes } from "node:crypto";
import { finished } from "node:stream/promises";
import type { TLSSocket } from "node:tls";
import { connect } from "@serverless-relay/client";
import { digest, type FunctionFiles, RunningRelay } from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const PAIRS = 200;
/** All from one address, and at once; and from one process, which on a busy machine does not get to each of them in seconds. */
const LIMITS = `limits:
  { handshakes: 4000, handshakesPerAddress: 4000, arrivalsPerAddress: 100000, arrivalsPerFunction: 100000,
    handshakeTimeout: 50s, requestTimeout: 50s, detachTimeout: 50s }`;
const LARGEST = 16 << 20;

describe.each(["auto", "stream"])("with splice: %s", (splice) => {
  let relay: RunningRelay;
  let f1: FunctionFiles;
  let f2: FunctionFiles;

  beforeAll(async () => {
    relay = await RunningRelay.start({ yaml: `splice: ${splice}\n${LIMITS}`, routes: [["f1", "f2"]] });
    f1 = await relay.issue("f1");
    f2 = await relay.issue("f2");
  });

  afterAll(() => relay.stop());

  async function dial(own: FunctionFiles, peer: string, channel: string, role?: "client"): Promise<TLSSocket> {
    const { socket } = await connect({
      relay: `127.0.0.1:${relay.port}`,
      peer,
      identity: { cert: own.cert, key: own.key, ca: own.ca },
      channel,
      timeout: 50_000,
      ...(role !== undefined && { role }),
    });
    return socket;
  }

  /** Sends `bytes`, and returns the digest of all that comes. */
  async function exchange(socket: TLSSocket, bytes: Buffer): Promise<string> {
    const hash = createHash("sha256");
    socket.on("data", (chunk: Buffer) => hash.update(chunk));
    socket.end(bytes);
    await finished(socket);
    return hash.digest("hex");
  }

  it(`${PAIRS} pairs at once, each both ways, with sizes up to 16 MiB`, async () => {
    // Most are small, a few are large: all sizes matter alike, and the whole stays in memory.
    const sizes = Array.from({ length: PAIRS }, (_, pair) => (pair === 0 ? LARGEST : sizeOf(pair)));
    await Promise.all(
      sizes.map(async (size, pair) => {
        const [there, back] = [randomBytes(size), randomBytes(Math.ceil(size / 3))];
        const role = pair % 2 === 0 ? "client" : undefined; // pipelined, and step by step
        const [one, other] = await Promise.all([dial(f1, "f2", `pair-${pair}`, role), dial(f2, "f1", `pair-${pair}`)]);
        const [atOne, atOther] = await Promise.all([exchange(one, there), exchange(other, back)]);
        expect([atOne, atOther]).toEqual([digest(back), digest(there)]);
      }),
    );
    const { sessions } = await relay.status();
    expect(sessions.total).toBe(PAIRS);
    await expect.poll(async () => (await relay.status()).sessions.live).toBe(0);
  }, 60_000);

  it("ten instances on each side of one route and channel: each meets exactly one", async () => {
    const names = Array.from({ length: 10 }, (_, index) => `instance ${index}`);
    const meet = (own: FunctionFiles, peer: string) =>
      Promise.all(
        names.map(async (name) => {
          const socket = await dial(own, peer, "shared");
          let heard = "";
          socket.on("data", (chunk: Buffer) => (heard += chunk.toString()));
          socket.end(name);
          await finished(socket);
          return heard;
        }),
      );
    const [atF1, atF2] = await Promise.all([meet(f1, "f2"), meet(f2, "f1")]);
    expect(atF1.toSorted()).toEqual(names);
    expect(atF2.toSorted()).toEqual(names);
  });
});

/** From 0 B to some MiB, by powers of two, and never quite on one. */
function sizeOf(pair: number): number {
  return Math.floor(2 ** ((pair % 22) + (pair % 7) / 7));
}
