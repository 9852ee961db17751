import { randomBytes } from "node:crypto";
import { ask, type End, type FunctionFiles, park, RunningRelay } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  relay = await RunningRelay.start({ routes: [["f1", "f2"]] });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
});

afterAll(() => relay.finish());

const WAYS: readonly (readonly [string, (end: End) => void])[] = [
  ["closes", (end) => end.destroy()],
  ["ends its side alone", (end) => end.stream.end()],
  ["resets", (end) => end.reset()],
];

for (const transport of ["raw", "tls"] as const) {
  it.each(WAYS)(`one that waited in ${transport} and %s: the next one is paired`, async (_way, leave) => {
    const gone = await park(relay, f1, "f2", { transport });
    const { address } = gone;
    const next = await park(relay, f1, "f2", { transport });
    leave(gone);
    await relay.logged("departed", { address });
    const arrival = await ask(relay, f2, "f1");
    const session = (await arrival.paired()).fields["relay-session"];
    expect((await next.paired()).fields["relay-session"]).toBe(session);
    arrival.stream.end("hello");
    expect(await next.rest()).toBe("hello");
    expect(relay.log().filter((entry) => entry.event === "paired" && JSON.stringify(entry).includes(address))).toEqual(
      [],
    );
    for (const end of [gone, next, arrival]) end.destroy();
  });
}

it("one that sent first bytes and reset", async () => {
  const gone = await park(relay, f1, "f2", { first: "too late" });
  const { address } = gone;
  gone.reset();
  await relay.logged("departed", { address });
  const [arrival, next] = [await ask(relay, f2, "f1"), await ask(relay, f1, "f2")];
  await Promise.all([arrival.paired(), next.paired()]);
  next.stream.end("in time");
  expect(await arrival.rest()).toBe("in time");
  for (const end of [arrival, next]) end.destroy();
});

it("many that come and go, while others come to stay: nobody is left, and nobody hears what was not for them", async () => {
  const rounds = 100;
  const stays: Promise<string>[] = [];
  for (let round = 0; round < rounds; round++) {
    const transport = randomBytes(1).readUInt8() % 2 === 0 ? "raw" : "tls";
    const [self, peer] = round % 2 === 0 ? [f1, f2] : [f2, f1];
    const fickle = await ask(relay, self, peer.name, { transport, fields: { "Relay-Channel": "busy" } });
    if (round % 3 === 0) fickle.reset();
    else fickle.destroy();
    if (round % 10 > 0) continue;
    const fields = { "Relay-Channel": `stay-${round}` };
    const ends = await Promise.all([ask(relay, f1, "f2", { transport, fields }), ask(relay, f2, "f1", { fields })]);
    await Promise.all(ends.map((end) => end.paired()));
    ends[0].stream.end(`for ${round}`);
    stays.push(
      ends[1].rest().then((words) => {
        for (const end of ends) end.destroy();
        return words;
      }),
    );
  }
  expect(await Promise.all(stays)).toEqual(stays.map((_, index) => `for ${index * 10}`));
  await expect.poll(() => relay.status()).toMatchObject({ parked: 0, sessions: { live: 0 } });
});
