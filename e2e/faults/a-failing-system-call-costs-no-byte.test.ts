import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { digest, readAll } from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { whileFailing } from "./failing-calls.ts";
import { expectNoSpin, type PlainRelay, startPlainRelay } from "./plain-sessions.ts";

const SIZE = 8 << 20;

let plain: PlainRelay;

beforeAll(async () => {
  plain = await startPlainRelay("21100-21109", { yaml: "splice: kernel" });
});

afterAll(() => plain.relay.stop());

/** Runs `act` while system calls of relayd fail as `injection` says: all its threads', or those of its splice threads alone. */
function failing(injection: string, act: () => Promise<void>, threads: "all" | "splice" = "all"): Promise<void> {
  const { pid } = plain.relay.process;
  const traced = threads === "all" ? ["-f", "-p", String(pid)] : spliceThreads(pid).flatMap((id) => ["-p", id]);
  return whileFailing(traced, injection, async () => {
    await act();
    await expectNoSpin(pid);
  });
}

function spliceThreads(pid: number): string[] {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.filter((id) => readFileSync(`/proc/${pid}/task/${id}/comm`, "utf8").includes("splice"));
}

/** Both ways at once. True if all arrived as it was sent; false if the session was ended instead. */
async function exchange(): Promise<boolean> {
  const ends = await plain.pair();
  const sent = [randomBytes(SIZE), randomBytes(SIZE)] as const;
  ends[0].end(sent[0]);
  ends[1].end(sent[1]);
  const got = await Promise.allSettled(ends.map(readAll));
  if (got.some(({ status }) => status === "rejected")) return false;
  const arrived = got.map((result) => (result.status === "fulfilled" ? digest(result.value) : ""));
  expect(arrived).toEqual([digest(sent[1]), digest(sent[0])]);
  return true;
}

describe("bytes arrive unchanged when", () => {
  it.each([
    ["splice is interrupted", "splice:error=EINTR:when=2+3"],
    ["no pipe can be had", "pipe2:error=EMFILE"],
    ["there are no pipes left in the system", "pipe2:error=ENFILE"],
    ["no pipe may be large", "fcntl:error=EPERM", "splice"],
    ["no descriptor is left to take a connection over with", "fcntl:error=EMFILE"],
    ["the kernel has no memory to watch a connection with", "epoll_ctl:error=ENOMEM", "splice"],
    ["the watches of the user are used up", "epoll_ctl:error=ENOSPC:when=1", "splice"],
    ["a sleeping thread is interrupted", "epoll_wait:error=EINTR:when=1+3", "splice"],
    ["what was read ahead is written bit by bit", "write:error=EINTR:when=1+2", "splice"],
  ] as const)("%s", async (_what, injection, threads?: "splice") => {
    await failing(injection, async () => expect(await exchange()).toBe(true), threads ?? "all");
  });
});

describe("bytes arrive unchanged, or the session ends with a reason, when", () => {
  it.each([
    ["splice is refused", "splice:error=EINVAL:when=9"],
    ["the kernel is out of memory", "splice:error=ENOMEM:when=10"],
    ["splice moves nothing, again and again", "splice:retval=0:when=7+5"],
    ["the end of a direction cannot be told", "shutdown:error=ENOBUFS:when=1"],
    ["no memory is left to look for the end with", "recvfrom:error=ENOMEM:when=1"],
  ])("%s", async (_what, injection) => {
    const ended = plain.relay.log().filter(({ event }) => event === "ended").length;
    let whole = false;
    await failing(injection, async () => {
      whole = await exchange();
    });
    const entries = () => plain.relay.log().filter(({ event }) => event === "ended");
    await expect.poll(() => entries().length).toBe(ended + 1);
    expect(entries().at(-1)?.reason).toBe(whole ? "completed" : "splice_failed");
  });
});

it("and sessions are carried as ever afterwards", async () => {
  expect(await exchange()).toBe(true);
});
