/** Bytes that are no TLS, right behind what the relay has just waited for: it has not looked for anything yet that comes then. */
import { type ClientCredentials, connectHead, OuterClient } from "@serverless-relay/testkit";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Entrance } from "../index.ts";
import {
  functionIdentity,
  makeCertificates,
  startRelay,
  type TestCertificates,
  type TestRelay,
} from "../relay.test-support.ts";

const GARBAGE = "this is no TLS at all";
const asking = (transport: string) => connectHead("f2:443", { "Relay-Transport": transport });
const CONNECT: Entrance = { protocol: "connect" };
const BARE: Entrance = { protocol: "bare", route: { f1: "f1", f2: "f2" } };

let certificates: TestCertificates;
let f1: ClientCredentials;
let bed: TestRelay;

beforeAll(async () => {
  certificates = await makeCertificates();
  f1 = await functionIdentity(certificates.authority, "f1");
});
afterEach(() => bed.close());

describe("a client whose TLS breaks is dropped at once, and not kept until its time is up,", () => {
  it.each<[string, Entrance, string]>([
    ["behind the handshake", CONNECT, ""],
    ["behind a request for transport raw", CONNECT, asking("raw")],
    ["behind a request for transport tls", CONNECT, asking("tls")],
    ["behind the handshake, at a bare listener", BARE, ""],
    ["behind its first bytes, at a bare listener", BARE, "hello"],
  ])("%s", async (_where, entrance, first) => {
    bed = await startRelay(certificates, { entrance });
    const client = await OuterClient.dial(bed.port, f1);
    if (first !== "") client.request(first);
    client.socket.write(GARBAGE);
    await expect
      .poll(() => bed.events)
      .toMatchObject([{ event: "dropped", reason: "client_gone", detail: expect.stringContaining("SSL") as string }]);
    client.destroy();
  });
});

it("a client whose TLS breaks while it is parked departs", async () => {
  bed = await startRelay(certificates, { entrance: BARE });
  const client = await OuterClient.dial(bed.port, f1);
  await expect.poll(() => bed.events).toMatchObject([{ event: "admitted" }]);
  client.socket.write(GARBAGE);
  await expect.poll(() => bed.events.at(-1)).toMatchObject({ event: "departed" });
  client.destroy();
});
