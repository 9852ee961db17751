/**
 * What an admitted connection costs: CPU of this relay for a raw pair (two admissions, detached, paired, carried, ended),
 * halved, beside that of a bare `tls.createServer` with the same certificates, in turn, in one run.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { createAuthority } from "@serverless-relay/pki";
import { connectHead, OuterClient, readAll, readHead } from "@serverless-relay/testkit";
import type { Setup } from "./server.ts";

const ROUNDS = 5;
const PAIRS = 600;
const AT_ONCE = 8;

const authority = await createAuthority({ commonName: "admission cost" });
const relay = await authority.issueRelay({ hosts: ["localhost"] });
const [f1, f2] = [await identity("f1"), await identity("f2")];

async function identity(name: string): Promise<{ cert: string; key: string; ca: string }> {
  const { certPem, keyPem } = await authority.issueFunction({ names: [name] });
  return { cert: certPem, key: keyPem, ca: authority.certPem };
}

async function start(kind: Setup["kind"]): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(fileURLToPath(new URL("server.ts", import.meta.url)));
  const credentials = { cert: relay.certPem, key: relay.keyPem, ca: authority.certPem };
  child.send({ kind, credentials } satisfies Setup);
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return { child, port };
}

async function cpu(child: ChildProcess): Promise<number> {
  child.send("cpu");
  const [{ milliseconds }] = (await once(child, "message")) as [{ milliseconds: number }];
  return milliseconds;
}

async function pairAtRelay(port: number): Promise<void> {
  const ends = await Promise.all(
    [[f1, "f2"] as const, [f2, "f1"] as const].map(async ([own, peer]) => {
      const client = await OuterClient.dial(port, own);
      client.socket.write(await client.flight(connectHead(`${peer}:443`, { "Relay-Transport": "raw" })));
      const bare = await client.bare();
      await readHead(bare);
      return bare;
    }),
  );
  await Promise.all(ends.map((end) => readAll(end.end())));
}

async function pairAtBare(port: number): Promise<void> {
  await Promise.all(
    [f1, f2].map(async (own) => {
      const socket = connect({ port, host: "127.0.0.1", servername: "localhost", ...own });
      await once(socket, "secureConnect");
      socket.end("x").resume();
      await once(socket, "close");
    }),
  );
}

async function many(pairs: number, one: () => Promise<void>): Promise<void> {
  let left = pairs;
  const worker = async () => {
    while (left-- > 0) await one();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const contenders = [
  { title: "this relay, raw", pair: pairAtRelay, ...(await start("relay")), costs: [] as number[] },
  { title: "bare tls.createServer", pair: pairAtBare, ...(await start("bare")), costs: [] as number[] },
] as const;
for (let round = 0; round <= ROUNDS; round++) {
  for (const { child, port, pair, costs } of contenders) {
    const before = await cpu(child);
    await many(PAIRS, () => pair(port));
    if (round > 0) costs.push(((await cpu(child)) - before) / (2 * PAIRS)); // the first one warms up
  }
}
const medians = contenders.map(({ costs }) => costs.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0);
for (const [index, { title }] of contenders.entries()) {
  process.stdout.write(`${title.padEnd(24)} ${medians[index]?.toFixed(3)} ms CPU for each admitted connection\n`);
}
process.stdout.write(`ratio                    ${((medians[0] ?? 0) / (medians[1] ?? 1)).toFixed(2)}\n`);
for (const { child } of contenders) child.kill();
