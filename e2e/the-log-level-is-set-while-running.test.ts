import { meet, RunningRelay } from "@serverless-relay/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";

let relay: RunningRelay;

beforeEach(async () => {
  relay = await RunningRelay.start({ routes: [["f1", "f2"]], yaml: "log: { level: info }" });
});

afterEach(() => relay.finish());

it("and changes at once what is logged of the next connections", async () => {
  const [f1, f2] = [await relay.issue("f1"), await relay.issue("f2")];
  const sessionOf = async () => {
    const { ends, session } = await meet(relay, f1, f2);
    for (const end of ends) end.destroy();
    await relay.quiet();
    return session;
  };
  expect(await relay.control.logState()).toEqual({ level: "info", configured: "info" });
  expect(await relay.control.setLogLevel("error")).toEqual({ level: "error", configured: "info" });
  const silent = await sessionOf();
  expect(await relay.control.setLogLevel("info")).toEqual({ level: "info", configured: "info" });
  const told = await sessionOf();
  await relay.logged("paired", { session: told });
  expect(relay.log().filter(({ session }) => session === silent)).toEqual([]);
});
