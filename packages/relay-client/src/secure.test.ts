import { once } from "node:events";
import { connect as connectTcp, createServer, type Socket } from "node:net";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Certificates, makeCertificates } from "./certificates.test-support.ts";
import { close, listen } from "./fake-relay.test-support.ts";
import { secure } from "./index.ts";

let certificates: Certificates;
const open = new Set<Socket>();
const server = createServer({ allowHalfOpen: true });
let ends: [Socket, Socket];

beforeAll(async () => {
  certificates = await makeCertificates();
});

beforeEach(async () => {
  const port = await listen(server);
  const dialled = connectTcp({ port, host: "127.0.0.1", allowHalfOpen: true });
  const [accepted] = (await once(server, "connection")) as [Socket];
  ends = [dialled, accepted];
  for (const socket of ends) open.add(socket.on("error", () => {}));
});

afterEach(async () => {
  await close(server, open);
  open.clear();
});

describe("secure", () => {
  it("makes a plain connection one with a verified peer, at both ends", async () => {
    const [f1, f2] = await Promise.all([
      secure(ends[0], { role: "client", peer: "f2", identity: certificates.f1 }),
      secure(ends[1], { role: "server", peer: "f1", identity: certificates.f2 }),
    ]);
    f1.end("hello");
    const [chunk] = (await once(f2, "data")) as [Buffer];
    expect(chunk.toString()).toBe("hello");
    await Promise.all([once(f1.resume(), "close"), once(f2.resume(), "close")]);
    expect(ends.map((socket) => socket.destroyed)).toEqual([true, true]);
  });

  it("closes the connection if the peer is another", async () => {
    const [attempt, other] = [
      secure(ends[0], { role: "server", peer: "f2", identity: certificates.f1 }),
      secure(ends[1], { role: "client", peer: "f1", identity: certificates.f3 }),
    ];
    other.then(
      (socket) => socket.on("error", () => {}),
      () => {},
    );
    await expect(attempt).rejects.toThrow("f2 was not verified: the other end's certificate bears f3");
    expect(ends[0].destroyed).toBe(true);
  });

  it("tells words in the clear from a peer", async () => {
    ends[1].write("hello?\n");
    const attempt = secure(ends[0], { role: "client", peer: "f2", identity: certificates.f1 });
    await expect(attempt).rejects.toMatchObject({ name: "PeerNotVerified" });
    expect(ends[0].destroyed).toBe(true);
  });

  it.each(["client", "server"] as const)("waits for a silent peer no longer than told, as %s", async (role) => {
    const attempt = secure(ends[0], { role, peer: "f2", identity: certificates.f1, timeout: 50 });
    await expect(attempt).rejects.toThrow("not connected within 50 ms: timed out while verifying f2");
    expect(ends[0].destroyed).toBe(true);
  });
});
