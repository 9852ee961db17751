import { once } from "node:events";
import type { Socket } from "node:net";
import { type ClientCredentials, connectHead, OuterClient, readAll, readHead } from "@serverless-relay/testkit";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  functionIdentity,
  makeCertificates,
  startRelay,
  type TestCertificates,
  type TestRelay,
} from "./relay.test-support.ts";

let certificates: TestCertificates;
let f1: ClientCredentials;
let f2: ClientCredentials;
let bed: TestRelay;
let port: number;

beforeAll(async () => {
  certificates = await makeCertificates();
  f1 = await functionIdentity(certificates.authority, "f1");
  f2 = await functionIdentity(certificates.authority, "f2");
});

beforeEach(async () => {
  bed = await startRelay(certificates);
  port = bed.port;
});

afterEach(() => bed.close());

/** Two raw ends, paired, with what each sent along with its close_notify. */
async function pairRaw(): Promise<[Socket, Socket]> {
  const one = await OuterClient.dial(port, f1);
  one.socket.write(await one.flight(connectHead("f2:443", { "Relay-Transport": "raw" })));
  const other = await OuterClient.dial(port, f2);
  other.socket.write(await other.flight(connectHead("f1:443", { "Relay-Transport": "raw" })));
  const bare = [await one.bare(), await other.bare()] as [Socket, Socket];
  for (const socket of bare) expect(await readHead(socket)).toMatch(/^HTTP\/1\.1 200 /);
  return bare;
}

describe("a raw pair", () => {
  it("is told so on the bare connection, each with its role and its peer", async () => {
    const one = await OuterClient.dial(port, f1);
    one.socket.write(await one.flight(connectHead("f2:443", { "Relay-Transport": "raw" })));
    const other = await OuterClient.dial(port, f2);
    other.socket.write(await other.flight(connectHead("f1:443", { "Relay-Transport": "raw" })));
    const [head1, head2] = [await readHead(await one.bare()), await readHead(await other.bare())];
    expect(head1).toContain("Relay-Peer: f2\r\nRelay-Role: client");
    expect(head2).toContain("Relay-Peer: f1\r\nRelay-Role: server");
    expect(/Relay-Session: (.*)\r/.exec(head1)?.[1]).toBe(/Relay-Session: (.*)\r/.exec(head2)?.[1]);
    one.destroy();
    other.destroy();
  });

  it("carries what was sent around close_notify exactly once, at every split", async () => {
    const inner = "inner bytes, with a TLS look: \x16\x03\x01";
    const probe = await OuterClient.dial(port, f1);
    const length = (await probe.flight(connectHead("f2:443", { "Relay-Transport": "raw" }))).length + inner.length;
    probe.destroy();
    for (let split = 0; split <= length; split++) {
      const one = await OuterClient.dial(port, f1);
      const flight = Buffer.concat([
        await one.flight(connectHead("f2:443", { "Relay-Transport": "raw" })),
        Buffer.from(inner, "latin1"),
      ]);
      one.socket.write(flight.subarray(0, split));
      const other = await OuterClient.dial(port, f2); // its handshake takes a few turns of the relay's loop
      one.socket.write(flight.subarray(split));
      other.socket.write(await other.flight(connectHead("f1:443", { "Relay-Transport": "raw" })));
      const [near, far] = [await one.bare(), await other.bare()];
      await readHead(near);
      await readHead(far);
      near.end();
      expect((await readAll(far)).toString("latin1")).toBe(inner);
      far.end();
      await readAll(near);
    }
  }, 60_000);

  it("carries half-close both ways", async () => {
    const [near, far] = await pairRaw();
    near.end("ping");
    expect((await readAll(far)).toString()).toBe("ping");
    far.end("pong");
    expect((await readAll(near)).toString()).toBe("pong");
    await expect.poll(() => bed.events.at(-1)).toMatchObject({ event: "ended", reason: "completed", bytes: [4, 4] });
  });

  it("carries a reset as a reset", async () => {
    const [near, far] = await pairRaw();
    const failed = once(far, "error");
    far.resume();
    near.resetAndDestroy();
    expect((await failed)[0]).toMatchObject({ code: "ECONNRESET" });
    await expect.poll(() => bed.events.at(-1)).toMatchObject({ event: "ended", reason: "reset", by: "f1" });
  });
});
