import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { join } from "node:path";
import { digest, type Running, readAll, Sidecars } from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { begin, dial, endOf, startTarget, type Target } from "./target.ts";

let sidecars: Sidecars;
let exposing: Running;
let target: Target;
let port: number;

beforeAll(async () => {
  [sidecars, target] = await Promise.all([Sidecars.start(), startTarget()]);
  exposing = await sidecars.expose(target.address);
  ({ port } = await sidecars.forward());
});

afterAll(async () => {
  await target.stop();
  await sidecars.finish();
});

async function connected(): Promise<[Socket, Socket]> {
  const local = await dial({ port });
  return [local, await target.next()];
}

describe("half-close", () => {
  it.each([
    ["the one that dialled", 0, 1],
    ["the one that was dialled", 1, 0],
  ] as const)("%s ends first, and still hears the other", async (_which, first, other) => {
    const ends = await connected();
    ends[first].end("all that I have to say");
    expect(String(await readAll(ends[other]))).toBe("all that I have to say");
    ends[other].write("but I ");
    ends[other].end("have more");
    expect(String(await readAll(ends[first]))).toBe("but I have more");
  });

  it("both at once, with megabytes under way", async () => {
    const ends = await connected();
    const sent = [randomBytes(4_000_001), randomBytes(3_000_003)] as const;
    ends[0].end(sent[0]);
    ends[1].end(sent[1]);
    const got = await Promise.all(ends.map((end) => readAll(end)));
    expect(got.map(digest)).toEqual([digest(sent[1]), digest(sent[0])]);
  });
});

it.each([
  ["the one that dialled", 0, 1],
  ["the one that was dialled", 1, 0],
] as const)("a reset arrives as a reset, from %s", async (_which, first, other) => {
  const ends = await connected();
  ends[first].write("beginning");
  const end = endOf(ends[other]);
  await once(ends[other], "data");
  ends[first].resetAndDestroy();
  expect(await end).toBe("reset");
});

it("a reader that stops stops the writer, and misses nothing when it reads on", async () => {
  const [local, remote] = await connected();
  const chunk = randomBytes(1_000_000);
  const written = createHash("sha256");
  let bytes = 0;
  // As long as somebody in between takes it. What is never read fills the sockets' buffers, and those alone.
  for (let blocked = false; !blocked; ) {
    written.update(chunk);
    bytes += chunk.length;
    if (local.write(chunk)) continue;
    const drained = once(local, "drain").then(() => true);
    blocked = !(await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, 1_000, false))]));
    expect(bytes).toBeLessThan(60_000_000);
  }
  local.end();
  const got = await readAll(remote);
  expect([got.length, digest(got)]).toEqual([bytes, written.digest("hex")]);
  remote.end();
  await endOf(local);
});

it("more connections than allowed are turned away, until one has ended", async () => {
  const { sidecar, port: narrow } = await sidecars.forward("127.0.0.1:0", { args: ["--max-connections", "1"] });
  const only = await dial({ port: narrow });
  const remote = await target.next();
  expect(await endOf(begin({ port: narrow }))).toBe("reset");
  expect(await sidecar.line(/"msg":"full/)).toContain("--max-connections");
  only.end();
  remote.end();
  await sidecar.line(/"msg":"ended"/);
  const next = await dial({ port: narrow });
  (await target.next()).end("your turn");
  expect(String(await readAll(next.end()))).toBe("your turn");
});

it("a target that is not there: reset, said in the log, and no matter for what comes later", async () => {
  const path = join(sidecars.relay.directory, "later.sock");
  const other = ["--channel", "2"];
  const sidecar = await sidecars.expose(`unix:${path}`, { args: other });
  const { port: second } = await sidecars.forward("127.0.0.1:0", { env: { RELAY_CHANNEL: "2" } });
  expect(await endOf(begin({ port: second }))).toBe("reset");
  expect(await sidecar.line(/the target was not reached/)).toContain("ENOENT");
  const later = await startTarget(path);
  const local = await dial({ port: second });
  (await later.next()).end("here I am");
  expect(String(await readAll(local.end()))).toBe("here I am");
  await later.stop();
  expect(exposing.isOver).toBe(false);
});
