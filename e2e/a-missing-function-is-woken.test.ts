import { createHash, randomBytes } from "node:crypto";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { connect } from "@serverless-relay/client";
import {
  type FunctionFiles,
  park,
  type ReservedPorts,
  Running,
  RunningRelay,
  reservePorts,
  until,
} from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const EXAMPLE = fileURLToPath(new URL("../examples/functions-framework/", import.meta.url));

let ports: ReservedPorts;
let relay: RunningRelay;
let f1: FunctionFiles;
/** where a platform takes invocations of f2; nobody listens there unless a test starts it */
let platformUrl: string;
let metrics: string;

const yaml = () => `
metrics: { listen: "127.0.0.1:0" }
audit: { file: audit.ndjson }
wake: { allow: [{ url: "${platformUrl}", token: wake.token }] }
routes: [{ between: [f1, f2], wake: { f2: "${platformUrl}" } }]
`;

beforeAll(async () => {
  ports = await reservePorts(2);
  platformUrl = `http://127.0.0.1:${ports.first}/`;
  relay = await RunningRelay.prepare({ yaml: yaml() });
  await relay.write("wake.token", "a-token\n");
  await relay.boot();
  f1 = await relay.issue("f1");
  await relay.issue("f2");
  const line = await relay.process.line(/"listener":"metrics"/);
  metrics = `http://127.0.0.1:${(JSON.parse(line) as { port: number }).port}/metrics`;
});

afterAll(async () => {
  await relay.finish();
  await ports.release();
});

const fileOf = (name: string) => `${relay.directory}/${name}`;
const address = () => ({ host: "localhost", port: relay.port });

/** With no instance of f2, which runs under Functions Framework once it is invoked. */
async function startPlatform(): Promise<Running> {
  const platform = Running.startCommand(process.execPath, ["scale-from-zero.js"], {
    cwd: EXAMPLE,
    group: true,
    env: {
      WAKE_PORT: `${ports.first}`,
      INSTANCE_PORT: `${ports.last}`,
      WAKE_TOKEN: fileOf("wake.token"),
      IDLE_MS: "100",
      RELAY: `localhost:${relay.port}`,
      RELAY_PEER: "f1",
      FUNCTION_CERT: fileOf("f2.pem"),
      FUNCTION_KEY: fileOf("f2.key"),
      FUNCTION_CA: fileOf("ca.pem"),
    },
  });
  await platform.line(/no instance/);
  return platform;
}

/** As f1: sends f2 some bytes, which answers with their digest. */
async function talk(channel: string): Promise<void> {
  const bytes = randomBytes(1_000_000);
  const { cert, key, ca } = f1;
  const identity = { cert, key, ca };
  const { socket } = await connect({ relay: address(), peer: "f2", channel, identity, allowHalfOpen: true });
  socket.end(bytes);
  expect(await text(socket)).toBe(createHash("sha256").update(bytes).digest("hex"));
}

describe("a function that does not run until the relay wakes it", () => {
  it("meets the one that waits for it, on its channel; and again when it has been scaled to zero", async () => {
    const platform = await startPlatform();
    const count = (pattern: RegExp) => platform.lines.filter((line) => pattern.test(line)).length;
    try {
      for (const [index, channel] of ["job-7", "job-8"].entries()) {
        expect(count(/an instance,/)).toBe(index);
        await talk(channel);
        expect(await relay.logged("woken", { channel })).toMatchObject({ name: "f2", peer: "f1", requests: 1 });
        expect(await relay.logged("wake", { channel })).toMatchObject({ outcome: "accepted", status: 200 });
        await until("f2 has been scaled to zero", () => count(/^f2: no instance$/) === index + 1);
      }
      process.stderr.write(`${platform.lines.filter((line) => line.includes("an instance")).join("\n")}\n`);
    } finally {
      await platform.stop();
    }
    const exposed = await (await fetch(metrics, { headers: { connection: "close" } })).text();
    expect(exposed).toContain('relayd_wakes_total{outcome="accepted"} 2\n');
    expect(exposed).toContain("relayd_woken_seconds_count 2\n");
    const audited = (await relay.read("audit.ndjson")).split("\n").filter((line) => line.includes('"event":"wake"'));
    expect(audited).toHaveLength(2);
  });
});

describe("the control API", () => {
  it("adds no hook that the configuration does not allow, and says what to do", async () => {
    const refused = await relay.relayctl("route", "add", "g1", "g2", "--wake", "g2=http://169.254.169.254/latest/");
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("is not allowed by wake.allow; name it"),
    });
    const other = await relay.relayctl("route", "add", "g1", "g2", "--wake", `g3=${platformUrl}`);
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining("write g1=https://...") });
    const noUrl = relay.control.addRoute({ f1: "g1", f2: "g2", wake: { f2: "file:///etc/passwd" } });
    await expect(noUrl).rejects.toMatchObject({ code: "invalid_request" });
    expect((await relay.control.listRoutes()).map(({ f2 }) => f2)).toEqual(["f2"]);
  });

  it("shows the hooks of a route, which another one differs from", async () => {
    const added = await relay.relayctl("route", "add", "g1", "g2", "--wake", `g2=${platformUrl}g2`);
    expect(added).toMatchObject({ code: 0, stdout: expect.stringContaining("options: wake g2") });
    const shown = await relay.relayctl("route", "show", "g2", "g1");
    expect(shown.stdout).toContain(`g2 by ${platformUrl}g2`);
    const same = { f1: "g2", f2: "g1", wake: { f1: `${platformUrl}g2` } };
    await expect(relay.control.addRoute(same)).resolves.toMatchObject({ created: false });
    await expect(relay.control.addRoute({ f1: "g1", f2: "g2" })).rejects.toMatchObject({ code: "route_differs" });
  });
});

describe("a reload", () => {
  it("takes up what is allowed, for those who wait already; why says how it goes", async () => {
    const g1 = await relay.issue("g1");
    const before = await relay.read("relayd.yaml");
    await relay.write("relayd.yaml", before.replace(platformUrl, "https://f2.example/"));
    await expect(relay.control.reload()).rejects.toThrow(/relayd.yaml:\d+:\d+ routes\[0\].wake.f2: .* is not allowed/);

    await relay.write("relayd.yaml", before.replaceAll(platformUrl, "https://f2.example/"));
    await relay.control.reload();
    const routes = await relay.control.listRoutes();
    expect(routes.find(({ f2 }) => f2 === "f2")?.wake).toEqual({ f2: "https://f2.example/" });
    const waiting = await park(relay, g1, "g2");
    expect(await relay.logged("wake", { outcome: "not_allowed" })).toMatchObject({
      name: "g2",
      target: `${platformUrl}g2`,
    });
    const why = await relay.relayctl("why", "g1", "g2");
    expect(why.stdout).toMatch(/wake_failed: g2 is being woken on channel 443.*not_allowed/);

    await relay.write("relayd.yaml", before);
    await relay.control.reload();
    expect(await relay.logged("wake", { outcome: "unreachable" })).toMatchObject({
      detail: expect.stringContaining("ECONNREFUSED"),
    });
    waiting.destroy();
    await relay.logged("departed");
    await until("nobody is woken", async () => !(await relay.relayctl("why", "g1", "g2")).stdout.includes("woken"));
  });
});
