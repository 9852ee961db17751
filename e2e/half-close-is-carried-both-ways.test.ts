import { randomBytes } from "node:crypto";
import { digest, type FunctionFiles, meet, RunningRelay, readAll } from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  relay = await RunningRelay.start({ routes: [["f1", "f2"]] });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
});

afterAll(() => relay.finish());

const MIXES = [
  ["raw", "raw"],
  ["tls", "tls"],
  ["raw", "tls"],
  ["tls", "raw"],
] as const;

describe.each(MIXES)("between %s and %s", (transport1, transport2) => {
  const transports = [{ transport: transport1 }, { transport: transport2 }] as const;

  it.each([
    ["the one that waited", 0, 1],
    ["the one that came later", 1, 0],
  ] as const)("%s ends first, and still hears the other", async (_which, first, other) => {
    const { ends, session } = await meet(relay, f1, f2, transports);
    ends[first].stream.end("all that I have to say");
    expect(await ends[other].rest()).toBe("all that I have to say");
    ends[other].stream.write("but I ");
    ends[other].stream.end("have more");
    expect(await ends[first].rest()).toBe("but I have more");
    const bytes = first === 0 ? [22, 15] : [15, 22];
    expect(await relay.logged("ended", { session })).toMatchObject({ reason: "completed", by: null, bytes });
    for (const end of ends) end.destroy();
  });

  it("both end at once, and all that was under way arrives", async () => {
    const { ends, session } = await meet(relay, f1, f2, transports);
    const sent = [randomBytes(3_000_001), randomBytes(2_000_003)] as const;
    ends[0].stream.end(sent[0]);
    ends[1].stream.end(sent[1]);
    const [at1, at2] = await Promise.all([readAll(ends[0].stream), readAll(ends[1].stream)]);
    expect([digest(at1), digest(at2)]).toEqual([digest(sent[1]), digest(sent[0])]);
    const bytes = sent.map(({ length }) => length);
    expect(await relay.logged("ended", { session })).toMatchObject({ reason: "completed", by: null, bytes });
    for (const end of ends) end.destroy();
  });
});

it("a client may have half-closed before its peer comes", async () => {
  const { ends, session } = await meet(relay, f1, f2, [{ first: "early" }, {}]);
  ends[0].stream.end(" and late");
  expect(await ends[1].rest()).toBe("early and late");
  ends[1].stream.end("heard");
  expect(await ends[0].rest()).toBe("heard");
  expect(await relay.logged("ended", { session })).toMatchObject({ reason: "completed" });
  for (const end of ends) end.destroy();
});
