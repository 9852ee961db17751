import { once } from "node:events";
import { createAuthority } from "@serverless-relay/pki";
import { RecordStream, Refusal } from "@serverless-relay/protocol";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Dropped } from "./drops.ts";
import { Entry } from "./entry.ts";
import { type Connection, connection, secured } from "./loopback.test-support.ts";
import { createTlsServer } from "./tls-server.ts";
import { Trust } from "./trust.ts";

const TRUST = new Trust({ ca: "" });
const late = () => new Refusal("request_timeout");

let ends: Connection;
let entry: Entry;

// Only the deadlines' clock is the test's: the connections are real.
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  ends = await connection();
  entry = new Entry(new RecordStream(ends.accepted), TRUST);
});
afterEach(() => {
  entry.finish();
  vi.useRealTimers();
});

/** Whatever the connection is failed with is given to whoever waits. */
async function expectFailed(failure: Refusal | Dropped | object): Promise<void> {
  await expect(entry.secured.promise).rejects.toEqual(failure);
  await expect(entry.requested.promise).rejects.toEqual(failure);
  expect(entry.failure).toEqual(failure);
}

it("begins with nothing read, nothing failed, and no deadline", () => {
  expect(entry).toMatchObject({ asked: false, failure: null, trust: TRUST });
  expect(vi.getTimerCount()).toBe(0);
});

describe("a failure", () => {
  it("is told to whichever step is under way, and the first one counts", async () => {
    const first = new Refusal("request_malformed");
    entry.fail(first);
    entry.fail(new Dropped("client_gone"));
    await expectFailed(first);
  });

  it("that can be answered leaves the connection open for the answer", async () => {
    entry.fail(new Refusal("request_malformed"));
    ends.accepted.write("the answer");
    expect(String((await once(ends.caller, "data"))[0])).toBe("the answer");
    expect(entry.records.destroyed).toBe(false);
  });

  it("that cannot be answered ends the connection", async () => {
    ends.caller.resume();
    const gone = once(ends.caller, "end");
    const why = new Dropped("handshake_failed");
    entry.fail(why);
    await gone;
    await expectFailed(why);
  });

  it("that nobody waits for yet is no unhandled rejection", async () => {
    const unhandled = vi.fn();
    process.once("unhandledRejection", unhandled);
    entry.fail(new Refusal("request_malformed"));
    await new Promise(setImmediate);
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe("a step", () => {
  it("that takes longer than it may fails as it was said to", async () => {
    entry.within(500, late);
    vi.advanceTimersByTime(499);
    expect(entry.failure).toBeNull();
    vi.advanceTimersByTime(1);
    await expectFailed(late());
  });

  it("has a time of its own, whatever is left of the one before", () => {
    entry.within(500, () => new Dropped("handshake_timeout"));
    vi.advanceTimersByTime(499);
    entry.within(500, late);
    vi.advanceTimersByTime(499);
    expect(entry.failure).toBeNull();
    vi.advanceTimersByTime(1);
    expect(entry.failure).toEqual(late());
  });
});

describe("a client that goes away", () => {
  async function goAway(): Promise<void> {
    const closed = new Promise((resolve) => entry.records.once("close", resolve));
    ends.caller.resetAndDestroy();
    await closed;
  }

  it("is gone: no step is waited for any longer", async () => {
    await goAway();
    await expectFailed(new Dropped("client_gone"));
  });

  it("changes nothing about why it was given up before", async () => {
    const why = new Refusal("request_malformed");
    entry.fail(why);
    await goAway();
    await expectFailed(why);
  });

  it("is none of its business any more once it is through", async () => {
    entry.finish();
    await goAway();
    expect(entry.failure).toBeNull();
  });
});

it("whoever has detached is not gone: its TLS layer is, and the connection stays", async () => {
  const authority = await createAuthority({ commonName: "test" });
  const { certPem: cert, keyPem: key } = await authority.issueRelay({ hosts: ["localhost"] });
  const server = createTlsServer({ cert, key, ca: authority.certPem });
  const { client, records, tls } = await secured(server, { ca: authority.certPem });
  const detached = new Entry(records, TRUST);
  const closed = new Promise((resolve) => records.once("close", resolve));
  tls.resume();
  const { done } = records.detach();
  client.socket.write(await client.flight(""));
  await done;
  await closed;
  expect(detached.failure).toBeNull();
  expect(records.socket.destroyed).toBe(false);
  detached.finish();
});

it("no deadline is left of one that is through, and nothing can fail it", () => {
  entry.within(500, late);
  entry.finish();
  expect(vi.getTimerCount()).toBe(0);
  entry.fail(new Dropped("client_gone"));
  expect(entry.failure).toBeNull();
  expect(entry.records.destroyed).toBe(false);
});
