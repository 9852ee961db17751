import { describe, expect, it } from "vitest";
import { type Attempt, type EndHistory, faultsOf, type History, type Joined, type Silence } from "./history.ts";

const attempt = (more: Partial<Attempt> = {}): Attempt => ({
  relay: 0,
  begun: 1_000,
  ended: 2_000,
  session: "s",
  heard: null,
  told: true,
  ...more,
});

const end = (name: "f1" | "f2", attempts: readonly Attempt[], more: Partial<EndHistory> = {}): EndHistory => ({
  pair: "p",
  name,
  attempts,
  outcome: "talked",
  ...more,
});

const heard = (name: string, pair = "p") => ({ heard: { name, pair } });

const joined = (more: Partial<Joined> = {}): Joined => ({
  relay: 0,
  session: "s",
  channel: "p",
  route: ["f1", "f2"],
  ends: [
    { connection: "a", name: "f1", transport: "raw" },
    { connection: "b", name: "f2", transport: "raw" },
  ],
  ...more,
});

const RIGHT: History = {
  ends: [end("f1", [attempt(heard("f2"))]), end("f2", [attempt(heard("f1"))])],
  joined: [joined()],
  silences: [],
};

describe("the history checker", () => {
  it("finds nothing wrong with a right history, though an end had to try twice", () => {
    expect(faultsOf(RIGHT)).toEqual([]);
    const again = end("f1", [attempt({ session: "broke" }), attempt({ session: null }), attempt(heard("f2"))]);
    expect(faultsOf({ ...RIGHT, ends: [again, end("f2", [attempt(heard("f1"))])] })).toEqual([]);
  });

  const [f1, f2] = RIGHT.ends;
  if (f1 === undefined || f2 === undefined) throw new Error("there are two");
  it.each<[string, Partial<History>, RegExp]>([
    ["a lost waiter", { ends: [end("f1", [attempt({ session: null })], { outcome: "gave up" }), f2] }, /never talked/],
    [
      "two sessions of one end",
      { ends: [end("f1", [attempt(heard("f2")), attempt({ session: "t", ...heard("f2") })]), f2] },
      /talked in two/,
    ],
    ["an end told twice", { ends: [end("f1", [attempt(), attempt(heard("f2"))]), f2] }, /told twice of the same/],
    ["another channel's peer", { ends: [end("f1", [attempt(heard("f2", "q"))]), f2] }, /heard f2 of q/],
    ["its own kind", { ends: [end("f1", [attempt(heard("f1"))]), f2] }, /its own kind/],
    [
      "a session of two channels",
      { ends: [f1, end("f2", [attempt(heard("f1"))], { pair: "q" })] },
      /joins different channels/,
    ],
    ["a session with two of a name", { ends: [f1, f2, end("f1", [attempt()])] }, /has f1 2 times/],
    [
      "a connection in two sessions",
      { joined: [joined(), joined({ session: "t" })] },
      /connection a is in sessions s, t/,
    ],
    ["a relay that joins twice", { joined: [joined(), joined()] }, /joined session s twice/],
    ["a local session elsewhere", { joined: [joined(), joined({ relay: 1, ends: [] })] }, /local at relay 0/],
    [
      "relays that join two routes",
      { joined: [joined({ ends: [] }), joined({ relay: 1, route: ["f1", "f3"], ends: [] })] },
      /join routes/,
    ],
    [
      "a name joined with itself",
      {
        joined: [
          joined({
            ends: [
              { connection: "a", name: "f1", transport: "raw" },
              { connection: "b", name: "f1", transport: "raw" },
            ],
          }),
        ],
      },
      /joins a name with itself/,
    ],
    [
      "one who is told nothing",
      { ends: [end("f1", [attempt({ told: false, session: null }), attempt(heard("f2"))]), f2] },
      /told nothing by relay 0 for 1000 ms/,
    ],
    ["a session that no relay has logged", { joined: [] }, /talked in session s at relay 0, which has not logged it/],
  ])("finds %s", (_what, wrong, fault) => {
    expect(faultsOf({ ...RIGHT, ...wrong }).join("\n")).toMatch(fault);
  });

  it("excuses a relay that was stopped meanwhile, and no other", () => {
    const ends = [end("f1", [attempt({ told: false, session: null }), attempt(heard("f2"))]), f2];
    const silence = (relay: number) => [{ relay, from: 1_500, until: 1_600 }];
    expect(faultsOf({ ...RIGHT, ends, silences: silence(0) })).toEqual([]);
    expect(faultsOf({ ...RIGHT, ends, silences: silence(1) })).toHaveLength(1);
  });

  it("excuses a relay that was killed just then for what is not in its log, and no other", () => {
    const killed = (more: Partial<Silence>) => [{ relay: 0, from: 2_100, until: 3_000, killed: true, ...more }];
    const unlogged = (silences: readonly Silence[]) => faultsOf({ ...RIGHT, joined: [], silences });
    expect(unlogged(killed({}))).toEqual([]);
    expect(unlogged(killed({ killed: false }))).toHaveLength(2);
    expect(unlogged(killed({ relay: 1 }))).toHaveLength(2);
    expect(unlogged(killed({ from: 900 }))).toHaveLength(2);
    expect(unlogged(killed({ from: 3_001 }))).toHaveLength(2);
  });
});
