import { ask, type FunctionFiles, park, readAll } from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RunningCluster } from "./running-cluster.ts";

let cluster: RunningCluster;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  cluster = await RunningCluster.start({ relays: 2, routes: [["f1", "f2"]] });
  f1 = await cluster.issue("f1");
  f2 = await cluster.issue("f2");
});
afterAll(() => cluster.stop());

describe("two functions that are parked at different relays", () => {
  it.each([
    ["raw", "raw"],
    ["raw", "tls"],
    ["tls", "raw"],
    ["tls", "tls"],
  ] as const)("meet, one by %s and the other by %s, and each hears the other to the last byte", async (one, other) => {
    const first = await park(cluster.relay(0), f1, "f2", { transport: one });
    const second = await ask(cluster.relay(1), f2, "f1", { transport: other });
    const heads = [await first.paired(), await second.paired()] as const;
    expect(heads[0].fields["relay-session"]).toBe(heads[1].fields["relay-session"]);
    expect(heads.map(({ fields }) => fields["relay-peer"])).toEqual(["f2", "f1"]);
    expect(heads.map(({ fields }) => fields["relay-role"])).toEqual(["client", "server"]);
    const bytes = Buffer.alloc(1 << 20, "a cluster");
    first.stream.end(bytes);
    second.stream.end("an answer");
    expect((await readAll(second.stream)).equals(bytes)).toBe(true);
    expect((await readAll(first.stream)).toString()).toBe("an answer");
  });
});
