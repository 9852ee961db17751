/**
 * Mappers and reducers, each a process, exchange an all-to-all shuffle: through one relay, and through brokers that are
 * installed. Exit code 0 only if every word came to the right reducer, once and in order, whatever the way.
 */
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { parseArgs } from "node:util";
import { Running, RunningRelay, reservePorts, until } from "@serverless-relay/testkit";
import { shuffle } from "./crew.ts";
import type { Place } from "./exchange.ts";

const MIB = 2 ** 20;
const WORDS_PER_MIB = MIB / 4;

const { values } = parseArgs({
  options: { size: { type: "string", default: "8" }, mib: { type: "string", default: "32" } },
});
const size = wholeNumber("size", values.size);
const words = wholeNumber("mib", values.mib) * WORDS_PER_MIB;

await throughRelay();
await throughBroker("nats", "nats-server", "NATS", (port) => ["-a", "127.0.0.1", "-p", `${port}`]);
await throughBroker("redis", "redis-server", "Redis", (port, directory) => {
  return ["--bind", "127.0.0.1", "--port", `${port}`, "--dir", directory, "--appendonly", "no", "--save", ""];
});

async function throughRelay(): Promise<void> {
  const relay = await RunningRelay.start({ routes: [["mapper", "reducer"]] });
  try {
    const identities = { mapper: await relay.issue("mapper"), reducer: await relay.issue("reducer") };
    await measure("relay, mTLS end to end", (role) => {
      const { cert, key, ca } = identities[role];
      return { way: "relay", relay: `localhost:${relay.port}`, cert, key, ca };
    });
  } finally {
    await relay.finish();
  }
}

async function throughBroker(
  way: "nats" | "redis",
  program: string,
  name: string,
  args: (port: number, directory: string) => readonly string[],
): Promise<void> {
  if (!isInstalled(program)) {
    console.log(`${name.padEnd(24)} absent: ${program} is not installed`);
    return;
  }
  const ports = await reservePorts(1);
  const directory = await mkdtemp(join(tmpdir(), "shuffle-"));
  const broker = Running.startCommand(program, args(ports.first, directory));
  try {
    await until(`${program} listens`, () => listens(ports.first));
    await measure(`${name}, in the clear`, () => ({ way, port: ports.first }));
  } finally {
    await broker.stop();
    await rm(directory, { recursive: true });
    await ports.release();
  }
}

async function measure(way: string, placeOf: Parameters<typeof shuffle>[2]): Promise<void> {
  const { bytes, conversations, connectMs, shuffleMs } = await shuffle(
    size,
    words,
    placeOf satisfies (role: "mapper" | "reducer") => Place,
  );
  const rate = bytes / MIB / (shuffleMs / 1000);
  console.log(
    `${way.padEnd(24)} ${conversations} conversations in ${Math.round(connectMs)} ms, ` +
      `${bytes / MIB} MiB in ${Math.round(shuffleMs)} ms: ${Math.round(rate)} MiB/s, all words right`,
  );
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function wholeNumber(option: string, text: string): number {
  if (/^[1-9][0-9]{0,4}$/.test(text)) return Number(text);
  throw new RangeError(`--${option}: ${JSON.stringify(text)} will not do: it is a whole number, 1 to 99999`);
}
