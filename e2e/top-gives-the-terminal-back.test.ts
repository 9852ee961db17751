import { commandOf, type FunctionFiles, park, Running, RunningRelay } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

let relay: RunningRelay;
let f1: FunctionFiles;

beforeAll(async () => {
  relay = await RunningRelay.start({ routes: [["f1", "f2"]] });
  f1 = await relay.issue("f1");
});
afterAll(() => relay.finish());

/** `relayctl top` on a terminal of 80 columns, which `script` provides. */
function startTop(): Running {
  const command = [...commandOf("relayctl"), "top", "--interval", "100ms"].join(" ");
  const env = { RELAYD_SOCKET: relay.socket, TERM: "xterm" };
  return Running.startCommand("script", ["-qefc", `stty cols 80 rows 24; ${command}`, "/dev/null"], {
    env,
    stdin: "open",
  });
}

const LEAVES = "\u001b[?25h\u001b[?1049l";

it.each([
  ["q", (top: Running) => top.write("q")],
  ["Ctrl-C", (top: Running) => top.write("\u0003")],
])("top shows who is parked, and gives the terminal back on %s", async (_key, quit) => {
  const parked = await park(relay, f1, "f2");
  const top = startTop();
  await top.line(/sessions 0 {3}parked 1/);
  await top.line(/f1 +f2 +443/);
  quit(top);
  expect(await top.ended).toBe(0);
  expect(top.lines.join("\n")).toContain(LEAVES);
  parked.destroy();
});

it("without a terminal, top prints one picture", async () => {
  const { code, stdout } = await relay.relayctl("top");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^relayd .* running/);
  expect(stdout).not.toContain("\u001b");
});
