import { connectHead, type FunctionFiles, meet, OuterClient, RunningRelay, until } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

const OPEN_FILES = 192;

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  relay = await RunningRelay.start({
    under: ["prlimit", `--nofile=${OPEN_FILES}:${OPEN_FILES}`],
    routes: [
      ["f1", "f2"],
      ["f1", "f3"],
    ],
  });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
});

afterAll(() => relay.stop());

it("when the open files run out: 503 to those who come, live sessions go on, and it recovers within a second", async () => {
  const { ends } = await meet(relay, f1, f2);
  const [near, far] = ends;

  const crowd: OuterClient[] = [];
  let answer = "";
  while (answer === "") {
    expect(crowd.length).toBeLessThan(OPEN_FILES);
    const client = await OuterClient.dial(relay.port, f1);
    crowd.push(client);
    client.request(connectHead("f3:443"));
    const { address } = client;
    await until("it is parked, or refused", async () => {
      const parked = await relay.control.listParked();
      return parked.some((one) => one.address === address) || client.tls.readableLength > 0 || client.tls.readableEnded;
    });
    const parked = (await relay.control.listParked()).some((one) => one.address === address);
    if (!parked) answer = await client.answer();
  }
  expect(answer).toMatch(/^HTTP\/1\.1 503 /);
  expect(answer).toContain("; reason=full\r\n");
  expect(answer).toContain("\r\nRetry-After: 1\r\n");

  near.stream.end("still here");
  expect(await far.rest()).toBe("still here");

  for (const client of crowd) client.destroy();
  const gone = performance.now();
  await until("somebody is admitted again", async () => {
    const client = await OuterClient.dial(relay.port, f1);
    client.request(connectHead("f3:443", { Prefer: "wait=0" }));
    const text = await client.answer();
    client.destroy();
    return text.startsWith("HTTP/1.1 504");
  });
  expect(performance.now() - gone).toBeLessThan(1_000);
  near.destroy();
  far.destroy();
}, 60_000);
