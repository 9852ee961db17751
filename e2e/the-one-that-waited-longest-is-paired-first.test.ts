import { ask, type End, type FunctionFiles, meet, park, RunningRelay } from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;
let twin: FunctionFiles;

beforeAll(async () => {
  relay = await RunningRelay.start({
    routes: [
      ["f1", "f2"],
      ["twin", "twin"],
    ],
  });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
  twin = await relay.issue("twin");
});

afterAll(() => relay.finish());

/** Which session an end has become part of. */
const sessionOf = async (end: End) => (await end.paired()).fields["relay-session"];

function destroyAll(ends: Iterable<End>): void {
  for (const end of ends) end.destroy();
}

it("oldest first, on either side, whatever the transport", async () => {
  for (const [waiting, coming] of [
    [f1, f2],
    [f2, f1],
  ] as const) {
    const waiters: End[] = [];
    for (const transport of ["raw", "tls", "raw", "tls", "raw"] as const) {
      waiters.push(await park(relay, waiting, coming.name, { transport }));
    }
    for (const [index, waiter] of waiters.entries()) {
      const arrival = await ask(relay, coming, waiting.name, { transport: index % 3 === 0 ? "tls" : "raw" });
      expect(await sessionOf(arrival)).toBe(await sessionOf(waiter));
      expect((await relay.status()).parked).toBe(waiters.length - index - 1);
      arrival.destroy();
    }
    destroyAll(waiters);
  }
});

describe("channels", () => {
  it("are kept apart, by port and by Relay-Channel", async () => {
    const wishes = [
      {},
      { channel: 7 },
      { channel: 444 },
      { fields: { "Relay-Channel": "job-1" } },
      { fields: { "Relay-Channel": "job-2" }, channel: 7 },
    ] as const;
    const waiters: End[] = [];
    for (const wish of wishes) waiters.push(await park(relay, f1, "f2", wish));
    expect((await relay.control.listParked()).map(({ channel }) => channel)).toEqual([
      "443",
      "7",
      "444",
      "job-1",
      "job-2",
    ]);
    // in another order than the one in which they came
    for (const index of [3, 1, 4, 0, 2]) {
      const arrival = await ask(relay, f2, "f1", wishes[index] ?? {});
      const waiter = waiters[index];
      if (waiter === undefined) throw new Error("no such waiter");
      expect(await sessionOf(arrival)).toBe(await sessionOf(waiter));
      arrival.destroy();
    }
    destroyAll(waiters);
  });

  it("are strings: port 443 and the token 443 are the same one", async () => {
    const { ends } = await meet(relay, f1, f2, [{ channel: 9, fields: { "Relay-Channel": "443" } }, {}]);
    destroyAll(ends);
  });
});

describe("two instances of one function, by a route {f, f},", () => {
  it("meet, and the later one is the client", async () => {
    for (const transport of ["raw", "tls"] as const) {
      const { ends, heads } = await meet(relay, twin, twin, [{ transport }, {}]);
      expect(heads.map(({ fields }) => [fields["relay-peer"], fields["relay-role"]])).toEqual([
        ["twin", "server"],
        ["twin", "client"],
      ]);
      ends[0].stream.end("to my twin");
      expect(await ends[1].rest()).toBe("to my twin");
      destroyAll(ends);
    }
  });

  it("are paired two by two", async () => {
    const ends = await Promise.all(Array.from({ length: 6 }, () => ask(relay, twin, "twin")));
    const sessions = await Promise.all(ends.map(sessionOf));
    expect(new Set(sessions).size).toBe(3);
    expect((await relay.status()).parked).toBe(0);
    destroyAll(ends);
  });
});

describe("roles", () => {
  const role = (name: "client" | "server") => ({ fields: { "Relay-Role": name } });
  const rolesOf = async (ends: readonly [End, End]) => {
    const heads = await Promise.all(ends.map((end) => end.paired()));
    return heads.map(({ fields }) => fields["relay-role"]);
  };

  it.each([
    ["f1 of the route is the client if neither asked", {}, {}, ["server", "client"]],
    ["who asked to be server is it", {}, role("server"), ["client", "server"]],
    ["who asked to be client is it", role("client"), {}, ["client", "server"]],
    ["both get what they asked for", role("server"), role("client"), ["server", "client"]],
  ])("%s", async (_rule, wish2, wish1, expected) => {
    const ends = [await park(relay, f2, "f1", wish2), await ask(relay, f1, "f2", wish1)] as const;
    expect(await rolesOf(ends)).toEqual(expected);
    destroyAll(ends);
  });

  it("an older one that asks for the same side is passed over, and keeps its place", async () => {
    const older = await park(relay, f1, "f2", role("server"));
    const younger = await park(relay, f1, "f2");
    const first = await ask(relay, f2, "f1", role("server"));
    expect(await sessionOf(first)).toBe(await sessionOf(younger));
    const second = await ask(relay, f2, "f1");
    expect(await sessionOf(second)).toBe(await sessionOf(older));
    destroyAll([older, younger, first, second]);
  });
});
