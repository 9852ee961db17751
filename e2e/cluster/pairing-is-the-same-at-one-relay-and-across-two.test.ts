/** One suite for both ways in which functions find each other: within a relay, and by way of NATS. */
import { ask, type FunctionFiles, park, parseHead, RunningRelay, refusalReason } from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RunningCluster } from "./running-cluster.ts";

interface Place {
  /** where the first end of each pair arrives, and where the second */
  readonly relays: readonly [RunningRelay, RunningRelay];
  stop(): Promise<void>;
}

const ROUTES = [
  ["f1", "f2"],
  ["f", "f"],
] as const;

async function oneRelay(): Promise<Place> {
  const relay = await RunningRelay.start({ routes: ROUTES });
  return { relays: [relay, relay], stop: () => relay.stop() };
}

async function twoRelays(): Promise<Place> {
  const cluster = await RunningCluster.start({ relays: 2, routes: ROUTES });
  return { relays: [cluster.relay(0), cluster.relay(1)], stop: () => cluster.stop() };
}

describe.each([
  { place: "at one relay", open: oneRelay },
  { place: "across two relays", open: twoRelays },
])("$place", ({ open }) => {
  let place: Place;
  let here: RunningRelay;
  let there: RunningRelay;
  let f1: FunctionFiles;
  let f2: FunctionFiles;
  beforeAll(async () => {
    place = await open();
    [here, there] = place.relays;
    f1 = await here.issue("f1");
    f2 = await here.issue("f2");
  });
  afterAll(() => place.stop());

  it("each channel has its own pair", async () => {
    const waiting = [await park(here, f1, "f2", { channel: 1 }), await park(here, f1, "f2", { channel: 2 })] as const;
    const second = await ask(there, f2, "f1", { channel: 2 });
    const first = await ask(there, f2, "f1", { channel: 1 });
    const sessions = await Promise.all(
      [...waiting, first, second].map(async (end) => (await end.paired()).fields["relay-session"]),
    );
    expect(sessions[0]).toBe(sessions[2]);
    expect(sessions[1]).toBe(sessions[3]);
    expect(sessions[0]).not.toBe(sessions[1]);
    for (const end of [...waiting, first, second]) end.stream.end();
    for (const end of [...waiting, first, second]) await end.rest();
  });

  it("whoever has waited for longest is paired first", async () => {
    const waiting = [await park(here, f1, "f2"), await park(here, f1, "f2"), await park(here, f1, "f2")];
    for (const oldest of waiting) {
      const peer = await ask(there, f2, "f1");
      const heads = [await peer.paired(), await oldest.paired()] as const;
      expect(heads[0].fields["relay-session"]).toBe(heads[1].fields["relay-session"]);
      for (const end of [oldest, peer]) end.stream.end();
      for (const end of [oldest, peer]) await end.rest();
    }
  });

  it("each gets the role that it asked for; two that ask for the same one do not meet, and are told", async () => {
    const fields = { "Relay-Role": "server", Prefer: "wait=2" };
    const ends = [await park(here, f1, "f2", { fields }), await ask(there, f2, "f1", { fields })] as const;
    for (const end of ends) expect(refusalReason(await end.rest())).toBe("role_conflict");
    const server = await park(here, f1, "f2", { fields });
    const client = await ask(there, f2, "f1");
    expect((await server.paired()).fields["relay-role"]).toBe("server");
    expect((await client.paired()).fields["relay-role"]).toBe("client");
    for (const end of [server, client]) end.stream.end();
    for (const end of [server, client]) await end.rest();
  });

  it("whoever waits for nobody is told so, when it asked to be", async () => {
    const alone = await park(here, f1, "f2", { fields: { Prefer: "wait=1" } });
    const answer = await alone.rest();
    expect(parseHead(answer).status).toBe(504);
    expect(refusalReason(answer)).toBe("peer_timeout");
  });

  it("one that has left is never paired; the next one is", async () => {
    const left = await park(here, f1, "f2");
    const { address } = left;
    left.destroy();
    await here.logged("departed", { address });
    const next = await park(here, f1, "f2");
    const peer = await ask(there, f2, "f1");
    for (const end of [next, peer]) await end.paired();
    for (const end of [next, peer]) end.stream.end();
    for (const end of [next, peer]) await end.rest();
  });

  it("two instances of one function meet on a route with itself", async () => {
    const f = await here.issue("f");
    const ends = [await park(here, f, "f"), await ask(there, f, "f")] as const;
    const roles = await Promise.all(ends.map(async (end) => (await end.paired()).fields["relay-role"]));
    expect(new Set(roles)).toEqual(new Set(["client", "server"]));
    for (const end of ends) end.stream.end();
    for (const end of ends) await end.rest();
  });

  it("a route that is deleted sends those away who wait on it, at whichever relay", async () => {
    const waiting = await park(here, f1, "f2");
    await there.control.deleteRoute("f2", "f1");
    expect(refusalReason(await waiting.rest())).toBe("no_route");
  });
});
