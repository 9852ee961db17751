import { connect as dialTcp, type Socket } from "node:net";
import { type FunctionFiles, meet, OuterClient, RunningRelay, until } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

const OPEN_FILES = 256;

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  relay = await RunningRelay.start({
    under: ["prlimit", `--nofile=${OPEN_FILES}:${OPEN_FILES}`],
    routes: [["f1", "f2"]],
    yaml: "limits: { handshakeTimeout: 2s }",
  });
  [f1, f2] = [await relay.issue("f1"), await relay.issue("f2")];
});

afterAll(() => relay.finish());

it("with more connections than open files, and more addresses than one: it answers, and changes routes; sessions go on", async () => {
  const { ends } = await meet(relay, f1, f2);
  expect(relay.log().filter(({ msg }) => /more than the open files/.test(String(msg)))).toHaveLength(2);
  const crowd = new Set<Socket>();
  const join = (index: number) => {
    const socket = dialTcp({ port: relay.port, host: "127.0.0.1", localAddress: `127.0.0.${(index % 100) + 2}` });
    crowd.add(socket);
    socket.on("error", () => {}).resume();
    // Whoever is turned away comes again.
    socket.once("close", () => crowd.delete(socket) && going && setTimeout(() => going && join(index), 50));
  };
  let going = true;
  for (let index = 0; index < 2 * OPEN_FILES; index++) join(index);
  try {
    await until("all places are taken", async () => {
      const { limits } = await relay.status();
      return limits.handshakes.used === limits.handshakes.limit;
    });
    for (let round = 0; round < 10; round++) {
      expect(await relay.relayctl("route", "add", "f1", `g${round}`)).toMatchObject({ code: 0 });
      expect((await relay.status()).routes.dynamic).toBe(round + 2);
    }
    ends[0].stream.end("still here");
    expect(await ends[1].rest()).toBe("still here");
  } finally {
    going = false;
    for (const socket of crowd) socket.destroy();
  }
  for (const end of ends) end.destroy();
  await until("there is room again", async () => {
    const client = await OuterClient.dial(relay.port, f1).catch(() => null);
    client?.destroy();
    return client;
  });
});
