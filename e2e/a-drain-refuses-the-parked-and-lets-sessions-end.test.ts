import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect as dialTcp } from "node:net";
import {
  type FunctionFiles,
  meet,
  OuterClient,
  park,
  parseHead,
  RunningRelay,
  refusalReason,
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
    const [error] = await once(dialTcp(relay.port, "127.0.0.1"), "error");
    expect(error).toMatchObject({ code: "ECONNREFUSED" });

    ends[0].stream.end("I take my time");
    expect(await ends[1].rest()).toBe("I take my time");
    ends[1].stream.end("so do I");
    expect(await ends[0].rest()).toBe("so do I");
    expect(await relay.logged("ended", { session })).toMatchObject({ reason: "completed" });
    for (const end of ends) end.destroy();
    await expectGone();
  });

  it("a second signal does not wait", async () => {
    const { ends } = await meet(relay, f1, f2);
    const broken = Promise.allSettled(ends.map((end) => end.rest()));
    relay.process.kill("SIGTERM");
    await relay.process.line(/"msg":"stopping"/);
    relay.process.kill("SIGTERM");
    expect(await relay.process.ended).toBe(0);
    await broken;
    for (const end of ends) end.destroy();
    // It had no time to tidy up: the next relayd does.
    await relay.boot();
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
