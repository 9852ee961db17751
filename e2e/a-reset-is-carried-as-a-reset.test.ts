import { type FunctionFiles, meet, RunningRelay, until } from "@serverless-relay/testkit";
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

describe.each([
  ["raw", "raw"],
  ["tls", "tls"],
  ["raw", "tls"],
  ["tls", "raw"],
] as const)("between %s and %s", (transport1, transport2) => {
  const wishes = [{ transport: transport1 }, { transport: transport2 }] as const;

  it.each([0, 1] as const)("that of end %i reaches the other, and the log says whose it was", async (by) => {
    const { ends, session } = await meet(relay, f1, f2, wishes);
    const broken = ends[by === 0 ? 1 : 0].broken();
    ends[by].reset();
    await broken;
    expect(await relay.logged("ended", { session })).toMatchObject({ reason: "reset", by: by === 0 ? "f1" : "f2" });
    for (const end of ends) end.destroy();
  });

  it("after a half-close, too", async () => {
    const { ends, session } = await meet(relay, f1, f2, wishes);
    ends[0].stream.end("I am done");
    expect(await ends[1].rest()).toBe("I am done");
    const broken = ends[0].broken();
    ends[1].reset();
    await broken;
    expect(await relay.logged("ended", { session })).toMatchObject({ reason: "reset", by: "f2" });
    for (const end of ends) end.destroy();
  });

  it("while the other end does not read, and more is under way than fits", async () => {
    const { ends, session } = await meet(relay, f1, f2, wishes);
    ends[1].stream.pause();
    ends[0].stream.write(Buffer.alloc(32 << 20));
    await until("some of it is carried", async () => {
      const [live] = await relay.control.listSessions();
      return (live?.ends.reduce((sum, { bytesSent }) => sum + bytesSent, 0) ?? 0) > 1 << 20;
    });
    ends[0].reset();
    await ends[1].broken();
    expect(await relay.logged("ended", { session })).toMatchObject({ reason: "reset", by: "f1" });
    for (const end of ends) end.destroy();
  });
});

it("when an operator ends a session, both ends are reset", async () => {
  const { ends, session } = await meet(relay, f1, f2, [{}, { transport: "tls" }]);
  const broken = Promise.all(ends.map((end) => end.broken()));
  await relay.control.killSession(session);
  await broken;
  expect(await relay.logged("ended", { session })).toMatchObject({ reason: "killed", by: null });
  for (const end of ends) end.destroy();
});
