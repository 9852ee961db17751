import { once } from "node:events";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Certificates, makeCertificates } from "./certificates.test-support.ts";
import { detach, type FakeRelay, head200, pairing, startFakeRelay } from "./fake-relay.test-support.ts";
import { type ConnectOptions, certificateNames, connect, type RelayConnection } from "./index.ts";

let certificates: Certificates;
let relay: FakeRelay;

beforeAll(async () => {
  certificates = await makeCertificates();
});

beforeEach(async () => {
  relay = await startFakeRelay(certificates.relay, pairing());
});

afterEach(async () => {
  await relay.close();
});

async function meet(
  first: Partial<ConnectOptions> = {},
  second: Partial<ConnectOptions> = {},
): Promise<[RelayConnection, RelayConnection]> {
  const common = { relay: `127.0.0.1:${relay.port}`, timeout: 4_000 };
  return Promise.all([
    connect({ ...common, peer: "f2", identity: certificates.f1, ...first }),
    connect({ ...common, peer: "f1", identity: certificates.f2, ...second }),
  ]);
}

async function received(socket: TLSSocket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "end");
  return Buffer.concat(chunks).toString();
}

/** Sends `text` each way, and ends each way. */
async function converse(a: RelayConnection, b: RelayConnection, text: string): Promise<void> {
  const arrived = [received(a.socket), received(b.socket)];
  const closed = [once(a.socket, "close"), once(b.socket, "close")];
  a.socket.end(`a${text}`);
  b.socket.end(`b${text}`);
  expect(await Promise.all(arrived)).toEqual([`b${text}`, `a${text}`]);
  await Promise.all(closed);
}

describe("two functions that dial the relay", () => {
  const ends = (["raw", "tls"] as const).flatMap((transport) =>
    (["client", "server", undefined] as const).map((role) => ({ transport, role })),
  );
  const pairs = ends.flatMap((a) => ends.map((b) => ({ a, b }))).filter(({ a, b }) => a.role !== b.role || !a.role);

  it.each(pairs)("meet and talk: $a.transport $a.role with $b.transport $b.role", async ({ a, b }) => {
    const [f1, f2] = await meet(a, b);
    expect(f1.role).not.toBe(f2.role);
    if (a.role !== undefined) expect(f1.role).toBe(a.role);
    if (b.role !== undefined) expect(f2.role).toBe(b.role);
    expect([f1.transport, f2.transport]).toEqual([a.transport, b.transport]);
    expect([f1.peer, f2.peer, f1.session, f2.session]).toEqual(["f2", "f1", "s1", "s1"]);
    await converse(f1, f2, "x".repeat(300_000));
  });

  it("hold what is TLS 1.3 with the very certificate of the peer", async () => {
    const [f1, f2] = await meet();
    for (const [{ socket }, name] of [
      [f1, "f2"],
      [f2, "f1"],
    ] as const) {
      expect(socket.getProtocol()).toBe("TLSv1.3");
      const certificate = socket.getPeerX509Certificate();
      expect(certificate && certificateNames(certificate)).toEqual([name]);
      expect(socket.isSessionReused()).toBe(false);
    }
    await converse(f1, f2, "");
  });

  it("may have a URI for a name", async () => {
    const name = "spiffe://example.org/f4";
    const [f1, f4] = await meet({ peer: name }, { identity: certificates.uri });
    await converse(f1, f4, "hello");
  });

  it.each(["raw", "tls"] as const)("go on in one direction when the other has ended (%s)", async (transport) => {
    const [f1, f2] = await meet({ transport, allowHalfOpen: true }, { allowHalfOpen: true });
    f1.socket.end("question");
    expect(await received(f2.socket)).toBe("question");
    const answer = received(f1.socket);
    f2.socket.end("answer".repeat(50_000));
    expect(await answer).toBe("answer".repeat(50_000));
  });

  it("end together by default, as Node's sockets do", async () => {
    const [f1, f2] = await meet();
    f2.socket.resume();
    f1.socket.resume().end();
    await Promise.all([once(f1.socket, "close"), once(f2.socket, "close")]);
    expect(f2.socket.writableEnded).toBe(true);
  });
});

describe("a request", () => {
  async function seen(options: Partial<ConnectOptions>): Promise<{ line: string; fields: Record<string, string> }> {
    const { promise, resolve } = Promise.withResolvers<{ line: string; fields: Record<string, string> }>();
    const watching = await startFakeRelay(certificates.relay, ({ line, fields, socket }) => {
      resolve({ line, fields: Object.fromEntries(fields) });
      socket.destroy();
    });
    const attempt = connect({
      relay: { host: "127.0.0.1", port: watching.port },
      peer: "f2",
      identity: certificates.f1,
      timeout: 4_000,
      ...options,
    });
    await expect(attempt).rejects.toThrow("was lost before it answered");
    await watching.close();
    return promise;
  }

  it("asks for transport raw and port 443 unless told otherwise, and says no more", async () => {
    const { line, fields } = await seen({});
    expect(line).toBe("CONNECT f2:443 HTTP/1.1");
    expect(fields).toMatchObject({ host: "f2:443", "relay-transport": "raw" });
    expect(Object.keys(fields).filter((name) => name.startsWith("relay-") || name === "prefer")).toHaveLength(1);
  });

  it("carries channel, name, role and patience", async () => {
    const all = { channel: "job-7", as: "f1", role: "server", wait: 5, transport: "tls" } as const;
    expect((await seen(all)).fields).toMatchObject({
      "relay-channel": "job-7",
      "relay-as": "f1",
      "relay-role": "server",
      prefer: "wait=5",
      "relay-transport": "tls",
    });
    expect((await seen({ channel: 8080, peer: "spiffe://example.org/f4" })).line).toBe(
      "CONNECT spiffe%3A%2F%2Fexample.org%2Ff4:8080 HTTP/1.1",
    );
  });

  it("is followed by close_notify and the ClientHello at once, where the role is fixed", async () => {
    const firstBytes = Promise.withResolvers<Buffer>();
    const silent = await startFakeRelay(certificates.relay, async (caller) => {
      const bare = await detach(caller);
      bare.once("data", firstBytes.resolve).resume();
    });
    const attempt = connect({
      relay: `127.0.0.1:${silent.port}`,
      peer: "f2",
      identity: certificates.f1,
      role: "client",
      timeout: 4_000,
    });
    attempt.catch(() => {});
    const bytes = await firstBytes.promise; // and never was a 200 sent
    expect([bytes[0], bytes[5]]).toEqual([22, 1]); // handshake record, client_hello
    await silent.close();
    await expect(attempt).rejects.toThrow();
  });
});

describe("the answer", () => {
  it("may come in any pieces, together with the session's first bytes or apart", async () => {
    const text = head200({ transport: "raw", peer: "f2", role: "client" });
    for (let at = 1; at < text.length; at += 7) {
      const broken = await startFakeRelay(certificates.relay, async (caller) => {
        const bare = await detach(caller);
        bare.write(text.slice(0, at));
        setImmediate(() => bare.end(`${text.slice(at)}not TLS`));
      });
      const attempt = connect({
        relay: `127.0.0.1:${broken.port}`,
        peer: "f2",
        identity: certificates.f1,
        timeout: 4_000,
      });
      // "not TLS" was read as the session's first bytes: nothing else could fail in the handshake.
      await expect(attempt).rejects.toMatchObject({ name: "PeerNotVerified" });
      await broken.close();
    }
  });

  it("may share a TCP segment, but not a TLS record, with the peer's first bytes", async () => {
    const parked = Promise.withResolvers<{ bare: Socket; hello: Buffer }>();
    const answering = await startFakeRelay(certificates.relay, async (caller) => {
      if (caller.fields.get("relay-transport") === "raw") {
        const bare = await detach(caller);
        bare.once("data", (hello) => parked.resolve({ bare: bare.pause(), hello })).resume();
        return;
      }
      caller.records.stayInTls();
      const { bare, hello } = await parked.promise;
      // A record holds 16,384 bytes: the ClientHello lies half in the answer's, half in the next.
      const head = head200({ transport: "tls", peer: "f2", role: "server" }).slice(0, -2);
      const pad = "x".repeat(16_384 - head.length - "X-Pad: \r\n\r\n".length - (hello.length >> 1));
      caller.outer.write(Buffer.concat([Buffer.from(`${head}X-Pad: ${pad}\r\n\r\n`), hello]));
      bare.write(head200({ transport: "raw", peer: "f1", role: "client" }));
      bare.pipe(caller.outer).pipe(bare);
    });
    const common = { relay: `127.0.0.1:${answering.port}`, timeout: 4_000 };
    const [f1, f2] = await Promise.all([
      connect({ ...common, peer: "f2", identity: certificates.f1, transport: "tls" }),
      connect({ ...common, peer: "f1", identity: certificates.f2, role: "client" }),
    ]);
    await converse(f1, f2, "hello");
    await answering.close();
  });
});
