/**
 * A relay in a container of 128 MiB, with the limits that docs/tuning.md has for that. Where the test may make no control group,
 * nobody kills the relay; that it stayed within as much memory is looked at in either case.
 */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  ask,
  type End,
  type FunctionFiles,
  type Met,
  meet,
  RunningRelay,
  refusalReason,
  until,
} from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { anonymousBytes, MemoryLimit } from "./memory-limit.ts";

const CONTAINER = 128 << 20;
/** More than there are places for. */
const SILENT = 400;
const AT_ONCE = 20;
const CHUNK = Buffer.alloc(64 << 10, "…");
/** What passes through the relay while others are blocked: more than enough for what becomes garbage to show. */
const FLOW_BYTES = 512 << 20;

const documented = /^limits: \{.*\} # 128 MiB$/m.exec(readFileSync("docs/tuning.md", "utf8"))?.[0];

const limit = MemoryLimit.of(CONTAINER);
let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  if (documented === undefined) throw new Error("docs/tuning.md has no limits for 128 MiB");
  relay = await RunningRelay.start({ under: limit?.under ?? [], yaml: documented, routes: [["f1", "f2"]] });
  [f1, f2] = [await relay.issue("f1"), await relay.issue("f2")];
});

afterAll(async () => {
  await relay.finish();
  limit?.remove();
});

/** Sends for as long as anybody takes it. */
function pour({ stream }: End): void {
  const more = () => {
    while (!stream.destroyed && stream.write(CHUNK));
  };
  stream.on("error", () => {}).on("drain", more);
  more();
}

/** Sends much to an end that takes all of it, to the end of both. Resolves to how many bytes came. */
async function carry([from, to]: Met["ends"]): Promise<number> {
  const chunks = Array.from({ length: FLOW_BYTES / CHUNK.length }, () => CHUNK);
  const sent = pipeline(Readable.from(chunks), from.stream);
  let bytes = 0;
  for await (const chunk of to.stream) bytes += (chunk as Buffer).length;
  await sent;
  for (const end of [from, to]) end.destroy();
  return bytes;
}

/** Why this one was not paired, or null if it was. A refusal for want of room says when to come again. */
async function refusalOf(end: End): Promise<string | null> {
  const answer = await end.paired().then(
    () => null,
    (error: unknown) => String(error),
  );
  if (answer === null) return null;
  expect(answer).toContain("\r\nRetry-After: ");
  end.destroy();
  return refusalReason(answer.replace(/^Error: /, "")) ?? answer;
}

/** Sessions inside TLS at both ends, whose one end sends, and whose other end reads nothing: until there is one too many. */
async function blockSessions(held: End[]): Promise<void> {
  for (let channel = 2; ; channel++) {
    const near = await ask(relay, f1, "f2", { transport: "tls", channel });
    const far = await ask(relay, f2, "f1", { transport: "tls", channel });
    held.push(near);
    const refused = await refusalOf(far);
    if (refused !== null) {
      expect(refused).toBe("full");
      return;
    }
    held.push(far);
    far.client.socket.pause();
    await near.paired();
    pour(near);
  }
}

/** Parks in TLS, until there is no place left. */
async function parkMany(held: End[]): Promise<void> {
  for (let channel = 1_000; ; channel += AT_ONCE) {
    const channels = Array.from({ length: AT_ONCE }, (_, index) => channel + index);
    const ends = await Promise.all(channels.map((one) => ask(relay, f1, "f2", { transport: "tls", channel: one })));
    const refused: string[] = [];
    for (const end of ends)
      end.stream.once("readable", () => void refusalOf(end).then((why) => refused.push(why ?? "")));
    const parked = async () => {
      const there = new Set((await relay.control.listParked()).map(({ address }) => address));
      return ends.filter(({ address }) => there.has(address));
    };
    held.push(
      ...(await until("all are parked, or refused", async () => {
        const some = await parked();
        return some.length + refused.length === ends.length && some;
      })),
    );
    if (refused.length === 0) continue;
    expect(new Set(refused)).toEqual(new Set(["full"]));
    return;
  }
}

it(`${limit === null ? "(looked at, not enforced) " : ""}whatever comes, it says that it is full, and who is there notices nothing`, async () => {
  const { pid } = relay.process;
  const tls = { transport: "tls", channel: 1 } as const;
  const neighbours = [await meet(relay, f1, f2), await meet(relay, f1, f2, [tls, tls])];
  const busy = await meet(relay, f1, f2, [tls, tls]);
  const held: End[] = [];
  const memory: number[] = [];
  const look = () => memory.push(anonymousBytes(pid));

  await blockSessions(held);
  look();
  expect(await carry(busy.ends)).toBe(FLOW_BYTES);
  look();
  await parkMany(held);
  look();
  const silent = Array.from({ length: SILENT }, () => connect(relay.port, "127.0.0.1").on("error", () => {}));
  await Promise.all(silent.map((socket) => new Promise((done) => socket.once("connect", done).once("close", done))));
  look();

  expect((await relay.status()).pid).toBe(pid);
  for (const { ends } of neighbours) {
    ends[0].stream.end("still here");
    expect(await ends[1].rest()).toBe("still here");
  }
  look();
  expect(Math.max(...memory)).toBeLessThan(CONTAINER);
  for (const socket of silent) socket.destroy();
  for (const end of [...held, ...neighbours.flatMap(({ ends }) => ends)]) end.destroy();
  await relay.quiet();
  for (const end of (await meet(relay, f1, f2, [tls, tls])).ends) end.destroy();
  expect((await relay.status()).pid).toBe(pid);
}, 120_000);
