import { ask, type FunctionFiles, meet, park, until } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RunningCluster } from "./running-cluster.ts";

let cluster: RunningCluster;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  cluster = await RunningCluster.start({
    relays: 2,
    routes: [["f1", "f2"]],
    yaml: 'metrics: { listen: "127.0.0.1:0" }',
  });
  f1 = await cluster.issue("f1");
  f2 = await cluster.issue("f2");
});
afterAll(() => cluster.stop());

/** What the first relay's monitoring listener answers. */
async function monitored(path: string): Promise<string> {
  const listening = await cluster.relay(0).process.line(/"listener":"metrics"/);
  const { port } = JSON.parse(listening) as { port: number };
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close" } });
  return `${answer.status} ${await answer.text()}`;
}

it("while NATS is away, sessions go on and functions at one relay meet; those at two meet when it is back", async () => {
  const [here, there] = [cluster.relay(0), cluster.relay(1)];
  const across = [await park(here, f1, "f2"), await ask(there, f2, "f1")] as const;
  for (const end of across) await end.paired();
  await cluster.nats.halt();
  await until("the relays notice", async () => {
    const states = await Promise.all(cluster.relays.map(async (relay) => (await relay.status()).cluster?.nats));
    return states.every((state) => state === "away");
  });
  expect((await here.relayctl("status")).stdout).toContain("NATS is away");
  expect(await monitored("/metrics")).toContain("relayd_cluster_nats_connected 0\n");
  expect(await monitored("/readyz")).toMatch(/^200 ready\n?.*NATS/s);

  across[0].stream.end("still here");
  across[1].stream.end("so am I");
  expect(await across[0].rest()).toBe("so am I");
  expect(await across[1].rest()).toBe("still here");

  const { ends } = await meet(here, f1, f2);
  for (const end of ends) end.stream.end();
  for (const end of ends) await end.rest();

  const refused = await here.relayctl("route", "add", "f3", "f4");
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("NATS does not acknowledge the change") });

  const apart = [await park(here, f1, "f2"), await park(there, f2, "f1")] as const;
  await cluster.nats.boot();
  for (const end of apart) await end.paired();
  for (const end of apart) end.stream.end("met");
  for (const end of apart) expect(await end.rest()).toBe("met");
  expect(await monitored("/metrics")).toContain("relayd_cluster_nats_connected 1\n");
  expect(await monitored("/readyz")).toBe("200 ready\n");
});

it("a relay that finds no NATS at its start says so and ends, so that it is started again", async () => {
  const relay = cluster.relay(1);
  await relay.crash();
  await cluster.nats.halt();
  const { code, stderr } = await relay.relayd("--config", "relayd.yaml");
  expect(stderr).toMatch(/^cluster\.nats\.servers nats:.*: connection refused; start NATS/m);
  expect(code).toBe(69);
  await cluster.nats.boot();
  await relay.boot();
});
