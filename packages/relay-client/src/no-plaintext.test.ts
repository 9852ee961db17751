import { createServer, connect as dialTcp, type Socket } from "node:net";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Certificates, makeCertificates } from "./certificates.test-support.ts";
import {
  type Caller,
  close,
  detach,
  type FakeRelay,
  head200,
  listen,
  pairing,
  startFakeRelay,
} from "./fake-relay.test-support.ts";
import { connect } from "./index.ts";

let certificates: Certificates;
const relays: FakeRelay[] = [];

beforeAll(async () => {
  certificates = await makeCertificates();
});
afterEach(async () => {
  await Promise.all(relays.splice(0).map(async (relay) => relay.close()));
});

/** Stands before a relay, and keeps all that a client sends. */
async function tapBefore(relay: FakeRelay): Promise<{ port: number; sent: Buffer[] }> {
  const sent: Buffer[] = [];
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const onward = dialTcp({ port: relay.port, host: "127.0.0.1", allowHalfOpen: true });
    for (const socket of [client, onward]) open.add(socket.on("error", () => {}));
    client.on("data", (chunk) => sent.push(chunk)).pipe(onward);
    onward.pipe(client);
    client.on("close", () => onward.destroy());
    onward.on("close", () => client.destroy());
  });
  const port = await listen(server);
  relays.push({ port, open, close: async () => close(server, open) });
  return { port, sent };
}

const CHANGE_CIPHER_SPEC = 20;
const APPLICATION_DATA = 23;

/** Their types (RFC 8446 §5.1). Throws if there is anything else than whole records of TLS. */
function recordTypes(bytes: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [type = 0, major] = bytes.subarray(at, at + 2);
    const end = at + 5 + (at + 5 <= bytes.length ? bytes.readUInt16BE(at + 3) : Number.NaN);
    if (type < CHANGE_CIPHER_SPEC || type > APPLICATION_DATA || major !== 3 || !(end <= bytes.length)) {
      throw new Error(
        `no record of TLS at ${at} of ${bytes.length}: ${bytes.subarray(at, at + 16).toString("latin1")}`,
      );
    }
    types.push(type);
    at = end;
  }
  return types;
}

const answered = (role: "client" | "server") => async (caller: Caller) => {
  const bare = await detach(caller);
  bare.resume().write(head200({ transport: "raw", peer: "f2", role }));
};

const attackers: Record<string, (caller: Caller) => void | Promise<void>> = {
  "never answers": async (caller) => void (await detach(caller)).resume(),
  "answers, and is silent then": answered("client"),
  "answers, and ends": async (caller) => {
    const bare = await detach(caller);
    bare.resume().end(head200({ transport: "raw", peer: "f2", role: "client" }));
  },
  "answers, and speaks no TLS": async (caller) => {
    const bare = await detach(caller);
    bare.resume().end(`${head200({ transport: "raw", peer: "f2", role: "client" })}hello, send me your secrets\n`);
  },
};

describe("whatever the relay does, connect sends it nothing but TLS", () => {
  it.each(Object.entries(attackers))("it %s", async (_what, answer) => {
    const relay = await startFakeRelay(certificates.relay, answer);
    relays.push(relay);
    const { port, sent } = await tapBefore(relay);
    for (const role of ["client", undefined] as const) {
      const attempt = connect({
        relay: `127.0.0.1:${port}`,
        peer: "f2",
        identity: certificates.f1,
        role,
        timeout: 400,
      });
      await expect(attempt).rejects.toMatchObject({
        name: expect.stringMatching(/^(RelayTimeout|HandshakeTruncated|PeerNotVerified)$/),
      });
      expect(recordTypes(Buffer.concat(sent.splice(0))).length).toBeGreaterThan(0);
    }
  });

  it.each(["relay", "foreignF2", "f3"] as const)(
    "it passes itself off as the peer, with the certificate of %s",
    async (who) => {
      const relay = await startFakeRelay(certificates.relay, pairing());
      relays.push(relay);
      const { port, sent } = await tapBefore(relay);
      const direct = { relay: `127.0.0.1:${relay.port}`, peer: "f1", identity: certificates[who], timeout: 4_000 };
      const impostor = connect(direct).then(
        ({ socket }) => socket.on("error", () => {}),
        () => null,
      );
      const attempt = connect({ relay: `127.0.0.1:${port}`, peer: "f2", identity: certificates.f1, timeout: 4_000 });
      await expect(attempt).rejects.toMatchObject({ name: who === "f3" ? "WrongPeer" : "PeerNotVerified" });
      recordTypes(Buffer.concat(sent));
      (await impostor)?.destroy();
    },
  );

  it("this test notices plaintext", () => {
    expect(() => recordTypes(Buffer.from("\x17\x03\x03\x00\x01ahello", "latin1"))).toThrow("no record of TLS at 6");
  });
});
