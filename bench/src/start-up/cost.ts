/** How long relayctl's commands take from start to end, beside a Node that does nothing: run in turn, so that noise meets all alike. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { RunningRelay } from "@serverless-relay/testkit";

const ROUNDS = 21;
const BIN = fileURLToPath(new URL("../../../apps/relayctl/bin/relayctl.js", import.meta.url)); // not the shell script of node_modules/.bin

const COMMANDS = [
  ["-e", "0"],
  [BIN, "--help"],
  [BIN, "status"],
  [BIN, "route", "list"],
  [BIN, "route", "add", "f1", "f2"],
] as const;

async function timeOf(args: readonly string[], socket: string): Promise<number> {
  const began = performance.now();
  const child = spawn(process.execPath, args, { stdio: "ignore", env: { ...process.env, RELAYD_SOCKET: socket } });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}`);
  return performance.now() - began;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const relay = await RunningRelay.start();
try {
  const taken = COMMANDS.map((args) => ({ args, ms: [] as number[] }));
  for (let round = -1; round < ROUNDS; round++) {
    for (const { args, ms } of taken) {
      const took = await timeOf(args, relay.socket);
      if (round >= 0) ms.push(took); // the first fills the cache of compiled code
    }
  }
  const least = median(taken[0]?.ms ?? []);
  for (const { args, ms } of taken) {
    const words = args.map((arg) => (arg === BIN ? "relayctl" : arg)).join(" ");
    const name = words.startsWith("relayctl") ? words : `node ${words}`;
    const ratio = (median(ms) / least).toFixed(2);
    process.stdout.write(`${name.padEnd(24)} ${median(ms).toFixed(0).padStart(5)} ms   ${ratio} x node -e 0\n`);
  }
} finally {
  await relay.stop();
}
