import { existsSync } from "node:fs";
import type { Duplex } from "node:stream";
import {
  type End,
  type FunctionFiles,
  meet,
  OuterClient,
  park,
  parseHead,
  RunningRelay,
  refusalReason,
  type Wishes,
} from "@serverless-relay/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

async function start(drain: string): Promise<void> {
  relay = await RunningRelay.start({ routes: [["f1", "f2"]], drain });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
}

/** relayd has ended by itself, well, and left nothing. */
async function expectGone(): Promise<void> {
  expect(await relay.process.ended).toBe(0);
  expect(existsSync(relay.socket)).toBe(false);
}

afterEach(() => relay.stop());

/** For a busy machine to carry out what was due. */
const LATE_MS = 3_000;

/** Sends for as long as that goes, and reads. */
function keepBusy(from: Duplex, to: Duplex): void {
  const chunk = Buffer.alloc(64 * 1024, "busy");
  const send = () => {
    while (from.writable && from.write(chunk));
  };
  from.on("drain", send).on("error", () => {});
  to.on("error", () => {}).resume();
  send();
}

/** Resolves once its connection is closed, which it need not be by itself. */
function closed({ client, stream }: End): Promise<void> {
  return new Promise((resolve) => {
    client.socket.on("error", () => {}).once("close", () => resolve());
    stream.on("error", () => {}).resume();
  });
}

/** What somebody who comes just now is told. */
async function refusalOf(self: FunctionFiles): Promise<string> {
  const client = await OuterClient.dial(relay.port, self);
  client.request("CONNECT f2:443 HTTP/1.1\r\nHost: f2:443\r\n\r\n");
  const answer = await client.answer();
  client.destroy();
  return answer;
}

describe("with a minute to go", () => {
  beforeEach(() => start("60s"));

  it.each(["SIGTERM", "SIGINT"] as const)(
    "%s: parked clients get 503 and when to try again, and nobody is waited for",
    async (signal) => {
      const ends = [await park(relay, f1, "f2"), await park(relay, f1, "f2", { transport: "tls" })];
      relay.process.kill(signal);
      for (const end of ends) {
        const answer = await end.rest();
        expect(parseHead(answer)).toMatchObject({ status: 503, fields: { "retry-after": "1" } });
        expect(refusalReason(answer)).toBe("draining");
        expect(await relay.logged("refused", { address: end.address })).toMatchObject({ reason: "draining" });
        end.destroy();
      }
      await expectGone();
    },
  );

  it("sessions run on until they end, and so long nobody is admitted", async () => {
    const { ends, session } = await meet(relay, f1, f2);
    const late = await OuterClient.dial(relay.port, f1);
    relay.process.kill("SIGTERM");
    await relay.process.line(/"msg":"stopping"/);
    expect(await relay.status()).toMatchObject({ state: "draining", sessions: { live: 1 } });
    expect((await relay.relayctl("status")).stdout).toMatch(/^WARNING: draining: nobody is admitted any more$/m);
    late.request("CONNECT f2:443 HTTP/1.1\r\nHost: f2:443\r\n\r\n");
    expect(refusalReason(await late.answer())).toBe("draining");
    late.destroy();
    const answer = await refusalOf(f1);
    expect(parseHead(answer)).toMatchObject({ status: 503, fields: { "retry-after": "1" } });
    expect(refusalReason(answer)).toBe("draining");

    ends[0].stream.end("I take my time");
    expect(await ends[1].rest()).toBe("I take my time");
    ends[1].stream.end("so do I");
    expect(await ends[0].rest()).toBe("so do I");
    expect(await relay.logged("ended", { session })).toMatchObject({ reason: "completed" });
    for (const end of ends) end.destroy();
    await expectGone();
  });

  it("a second signal does not wait: what is left is reset, and relayd exits with 0 and leaves nothing", async () => {
    const met = [await meet(relay, f1, f2), await meet(relay, f1, f2, [{ transport: "tls" }, { transport: "raw" }])];
    const broken = Promise.all(met.flatMap(({ ends }) => ends.map((end) => end.broken())));
    relay.process.kill("SIGTERM");
    await relay.process.line(/"msg":"stopping"/);
    relay.process.kill("SIGTERM");
    await broken;
    await expectGone();
    for (const { session, ends } of met) {
      expect(await relay.logged("ended", { session })).toMatchObject({ reason: "shutdown", by: null });
      for (const end of ends) end.destroy();
    }
  });
});

it("sessions that go on longer than drain.timeout are reset, and relayd exits with 0", async () => {
  await start("1s");
  const met = [await meet(relay, f1, f2), await meet(relay, f1, f2, [{ transport: "tls" }, { transport: "raw" }])];
  const broken = Promise.all(met.flatMap(({ ends }) => ends.map((end) => end.broken())));
  const told = performance.now();
  relay.process.kill("SIGTERM");
  await broken;
  expect(performance.now() - told).toBeGreaterThan(950);
  for (const { session } of met) {
    expect(await relay.logged("ended", { session })).toMatchObject({ reason: "drain_deadline", by: null });
  }
  for (const { ends } of met) for (const end of ends) end.destroy();
  await expectGone();
});

it("the idle, the busy, the half-closed and the parked are all gone by the deadline, each for its reason", async () => {
  await start("2s");
  const mixed: [Wishes, Wishes] = [{ transport: "tls" }, { transport: "raw" }];
  const idle = [await meet(relay, f1, f2), await meet(relay, f1, f2, mixed)];
  const busy = [await meet(relay, f1, f2), await meet(relay, f1, f2, mixed)];
  const halfClosed = [await meet(relay, f1, f2), await meet(relay, f1, f2, mixed)];
  for (const { ends } of busy) keepBusy(ends[0].stream, ends[1].stream);
  for (const { ends } of halfClosed) {
    ends[0].stream.end("that was all");
    expect(await ends[1].rest()).toBe("that was all");
  }
  const parked = [await park(relay, f1, "f2"), await park(relay, f1, "f2", { transport: "tls" })];
  const met = [...idle, ...busy, ...halfClosed];
  // One that has read the other's end notices nothing any more until it writes.
  const notice = [...idle, ...busy].flatMap(({ ends }) => ends).concat(halfClosed.map(({ ends }) => ends[0]));
  const reset = Promise.all(notice.map((end) => closed(end)));

  const told = performance.now();
  relay.process.kill("SIGTERM");
  for (const end of parked) expect(refusalReason(await end.rest())).toBe("draining");
  await reset;
  expect(performance.now() - told).toBeLessThan(2_000 + LATE_MS);
  for (const { session } of met) {
    expect(await relay.logged("ended", { session })).toMatchObject({ reason: "drain_deadline", by: null });
  }
  for (const { address } of parked) {
    expect(await relay.logged("refused", { address })).toMatchObject({ reason: "draining" });
  }
  await expectGone();
  for (const { ends } of halfClosed) {
    const noticed = closed(ends[1]);
    ends[1].stream.write("is anybody there?");
    await noticed;
  }
  for (const end of [...parked, ...met.flatMap(({ ends }) => ends)]) end.destroy();
});

describe("asked for at the control socket", () => {
  it("shows in status with its deadline, and ends the process with 0 once the sessions have ended", async () => {
    await start("60s");
    const { ends } = await meet(relay, f1, f2);
    const { drain, sessions } = await relay.control.drain();
    expect(sessions).toBe(1);
    expect(Date.parse(drain.deadline) - Date.parse(drain.startedAt)).toBe(60_000);
    expect(await relay.status()).toMatchObject({ state: "draining", drain });
    expect(refusalReason(await refusalOf(f1))).toBe("draining");
    // Asked again, it stays as it is; with a timeout, the deadline is another one.
    expect((await relay.control.drain()).drain).toEqual(drain);
    const later = (await relay.control.drain({ timeout: 3600 })).drain;
    expect(Date.parse(later.deadline)).toBeGreaterThan(Date.parse(drain.deadline));
    expect(await relay.status()).toMatchObject({ drain: later });
    for (const end of ends) end.destroy();
    await expectGone();
  });

  it("with a timeout: what is left then is reset", async () => {
    await start("60s");
    const { ends, session } = await meet(relay, f1, f2);
    const broken = Promise.all(ends.map((end) => end.broken()));
    await relay.control.drain({ timeout: 0.5 });
    await broken;
    expect(await relay.logged("ended", { session })).toMatchObject({ reason: "drain_deadline" });
    for (const end of ends) end.destroy();
    await expectGone();
  });

  it("is not prolonged by SIGTERM, but may be cut short by it", async () => {
    await start("5s");
    const { ends } = await meet(relay, f1, f2);
    const broken = Promise.all(ends.map((end) => end.broken()));
    const { drain } = await relay.control.drain({ timeout: 3600 });
    relay.process.kill("SIGTERM");
    await relay.process.line(/"msg":"stopping"/);
    const shorter = (await relay.status()).drain;
    expect(Date.parse(shorter?.deadline ?? "")).toBeLessThan(Date.parse(drain.deadline));
    await relay.control.drain({ timeout: 0.2 });
    await broken;
    for (const end of ends) end.destroy();
    await expectGone();
  });

  it("a timeout that is none changes nothing, and says which field", async () => {
    await start("1s");
    await expect(relay.control.drain({ timeout: -1 })).rejects.toMatchObject({
      code: "invalid_request",
      message: expect.stringContaining("timeout"),
    });
    expect(await relay.status()).toMatchObject({ state: "running", drain: null });
  });
});

it("an arrival that was half-way admitted when the drain began is not left without an answer", async () => {
  await start("60s");
  const hold = await meet(relay, f1, f2);
  const client = await OuterClient.dial(relay.port, f1);
  client.request("CONNECT f2:443 HTTP/1.1\r\nHost: f2:443\r\nRelay-Transport: raw\r\n\r\n");
  expect(await client.answer()).toBe(""); // the relay's close_notify: authorized, but not parked yet
  relay.process.kill("SIGTERM");
  await relay.process.line(/"msg":"stopping"/);
  client.socket.write(await client.flight(""));
  const bare = await client.bare();
  let answer = "";
  for await (const chunk of bare) answer += String(chunk);
  expect(refusalReason(answer)).toBe("draining");
  client.destroy();
  for (const end of hold.ends) end.destroy();
  await expectGone();
});
