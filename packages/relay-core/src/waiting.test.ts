import { type ClientCredentials, connectHead, OuterClient, readHead } from "@serverless-relay/testkit";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  functionIdentity,
  makeCertificates,
  startRelay,
  type TestCertificates,
  type TestRelay,
} from "./relay.test-support.ts";

let certificates: TestCertificates;
let functions: Record<string, ClientCredentials>;
let bed: TestRelay;
let told: string[];

beforeAll(async () => {
  certificates = await makeCertificates();
  const f1 = await functionIdentity(certificates.authority, "f1");
  functions = { f1, f2: await functionIdentity(certificates.authority, "f2") };
});

beforeEach(async () => {
  told = [];
  bed = await startRelay(certificates, {
    onWaiting: ({ name, peer, channel }) => {
      told.push(`${name} for ${peer} on ${channel}`);
      return {
        peerIsNowhere: () => told.push(`no ${peer}`),
        over: (met) => told.push(`${name} ${met ? "met" : "left"}`),
      };
    },
  });
});
afterEach(() => bed.close());

async function park(name: "f1" | "f2", fields: Record<string, string> = {}): Promise<OuterClient> {
  const client = await OuterClient.dial(bed.port, functions[name] ?? { ca: "" });
  const target = `${name === "f1" ? "f2" : "f1"}:443`;
  client.socket.write(await client.flight(connectHead(target, { "Relay-Transport": "raw", ...fields })));
  await client.bare();
  return client;
}

const hasTold = (...expected: string[]) => expect.poll(() => told).toEqual(expected);

describe("whoever is injected", () => {
  it("is told of one that waits, that its peer is nowhere, and that they have met", async () => {
    const one = await park("f1");
    await hasTold("f1 for f2 on 443", "no f2");
    const other = await park("f2");
    for (const { socket } of [one, other]) await readHead(socket);
    await hasTold("f1 for f2 on 443", "no f2", "f1 met");
    one.destroy();
    other.destroy();
  });

  it("is told that it has left", async () => {
    const one = await park("f1");
    await hasTold("f1 for f2 on 443", "no f2");
    one.destroy();
    await hasTold("f1 for f2 on 443", "no f2", "f1 left");
  });

  it("is told of both where they ask for the same role, and so do not meet", async () => {
    const one = await park("f1", { "Relay-Role": "client" });
    await hasTold("f1 for f2 on 443", "no f2");
    const other = await park("f2", { "Relay-Role": "client" });
    await hasTold("f1 for f2 on 443", "no f2", "f2 for f1 on 443", "no f1");
    one.destroy();
    other.destroy();
    await expect.poll(() => told.slice(4).toSorted()).toEqual(["f1 left", "f2 left"]);
  });
});
