import { createHash, randomBytes } from "node:crypto";
import { ask, digest, type End, type FunctionFiles, readAll } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RunningCluster } from "./running-cluster.ts";

const SESSIONS = 18;

let cluster: RunningCluster;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  cluster = await RunningCluster.start({ relays: 3, routes: [["f1", "f2"]] });
  f1 = await cluster.issue("f1");
  f2 = await cluster.issue("f2");
});
afterAll(() => cluster.stop());

/** Two functions that talk until told to end: each gets what the other has sent, to the last byte. */
class Conversation {
  readonly #ends: readonly [End, End];
  readonly #sent = [createHash("sha256"), createHash("sha256")] as const;
  readonly #got: readonly Promise<Buffer>[];
  #over = false;
  readonly #talking: Promise<void>;

  private constructor(ends: readonly [End, End]) {
    this.#ends = ends;
    this.#got = ends.map((end) => readAll(end.stream));
    this.#talking = this.#talk();
  }

  static async begin(channel: number, relays: readonly [number, number]): Promise<Conversation> {
    const ends = [
      await ask(cluster.relay(relays[0]), f1, "f2", { channel }),
      await ask(cluster.relay(relays[1]), f2, "f1", { channel }),
    ] as const;
    for (const end of ends) await end.paired();
    return new Conversation(ends);
  }

  async end(): Promise<void> {
    this.#over = true;
    await this.#talking;
    for (const { stream } of this.#ends) stream.end();
    const got = (await Promise.all(this.#got)).map(digest);
    expect(got).toEqual(this.#sent.map((hash) => hash.digest("hex")).toReversed());
  }

  async #talk(): Promise<void> {
    while (!this.#over) {
      for (const [index, { stream }] of this.#ends.entries()) {
        const bytes = randomBytes(1_000);
        this.#sent[index]?.update(bytes);
        await new Promise((resolve) => stream.write(bytes, resolve));
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

it("a fourth relay comes and the first one drains, under load: every session goes on to its last byte", async () => {
  const pairs = Array.from({ length: SESSIONS }, (_, index) => [index % 3, Math.floor(index / 3) % 3] as const);
  const before = await Promise.all(pairs.map((relays, index) => Conversation.begin(1 + index, relays)));
  await cluster.addRelay();
  const among = await Promise.all([0, 1, 2].map((relay) => Conversation.begin(100 + relay, [relay, 3])));
  const leaving = cluster.relay(0);
  await leaving.control.drain({ timeout: 30 });
  const after = await Promise.all([1, 2, 3].map((relay) => Conversation.begin(200 + relay, [relay, 1 + (relay % 3)])));
  for (const conversation of [...before, ...among, ...after]) await conversation.end();
  expect(await leaving.process.ended).toBe(0);
});
