import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { until } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { descriptors, expectNoSpin, type PlainRelay, startPlainRelay } from "./plain-sessions.ts";

const SESSIONS = 1_600;
/** of them; the system's buffers take in all of some. A user may have 1,024 pipes of the usual size. */
const BLOCKED = 1_300;
const BYTES = 3 << 20;

let plain: PlainRelay;

beforeAll(async () => {
  // Who has these capabilities may have as many pipes of any size as it likes; others may not.
  plain = await startPlainRelay("21150-21159", {
    yaml: "splice: kernel\nlimits: { handshakes: 4000, handshakesPerAddress: 4000, arrivalsPerAddress: 100000, arrivalsPerFunction: 100000 }",
    under: ["setpriv", "--bounding-set=-sys_resource,-sys_admin", "--inh-caps=-sys_resource,-sys_admin"],
  });
});

afterAll(() => plain.relay.stop());

it(`${BLOCKED} blocked sessions: every byte arrives once they go on`, async () => {
  const script = fileURLToPath(new URL("blocked_sessions.py", import.meta.url));
  const ends = spawn("python3", [script, String(plain.port), String(SESSIONS), String(BYTES)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: ends.stdout });
  const [blocked] = (await once(lines, "line")) as [string];
  expect(Number(blocked.split(" ")[1])).toBeGreaterThanOrEqual(BLOCKED);
  const { pid } = plain.relay.process;
  expect(descriptors(pid).pipes).toBeGreaterThan(SESSIONS); // most hold one: two descriptors each
  await expectNoSpin(pid);
  const result = once(lines, "line");
  ends.stdin.end("go on\n");
  expect((await result)[0]).toBe(`intact ${SESSIONS} of ${SESSIONS}`);
  await until("all sessions have ended", async () => (await plain.relay.status()).sessions.live === 0);
}, 120_000);
