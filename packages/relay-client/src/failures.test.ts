import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { getEventListeners, once } from "node:events";
import { createServer, type Socket } from "node:net";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Certificates, makeCertificates } from "./certificates.test-support.ts";
import {
  type Caller,
  close,
  detach,
  type FakeRelay,
  head200,
  listen,
  pairing,
  refusal,
  startFakeRelay,
} from "./fake-relay.test-support.ts";
import { type ConnectOptions, connect } from "./index.ts";

let certificates: Certificates;
const relays: FakeRelay[] = [];
const dialled = new Set<Socket>();
const noteDialled = (message: unknown): void => {
  dialled.add((message as { socket: Socket }).socket);
};

beforeAll(async () => {
  certificates = await makeCertificates();
});

beforeEach(() => subscribe("net.client.socket", noteDialled));

afterEach(async () => {
  unsubscribe("net.client.socket", noteDialled);
  const left = [...dialled].filter((socket) => !socket.destroyed);
  dialled.clear();
  await Promise.all(relays.splice(0).map(async (relay) => relay.close()));
  expect(left).toEqual([]);
});

async function relayThat(answer: (caller: Caller) => void | Promise<void>, credentials = certificates.relay) {
  const relay = await startFakeRelay(credentials, answer);
  relays.push(relay);
  return (options: Partial<ConnectOptions> = {}) =>
    connect({ relay: `127.0.0.1:${relay.port}`, peer: "f2", identity: certificates.f1, timeout: 4_000, ...options });
}

const never = (): void => {};

describe("a refusal", () => {
  it.each(["raw", "tls"] as const)("inside TLS says why (%s)", async (transport) => {
    const dial = await relayThat(({ outer, records }) => {
      records.stayInTls();
      outer.resume().end(refusal(403, "no_route", "no route lets this caller meet that peer"));
    });
    for (const role of ["client", undefined] as const) {
      await expect(dial({ transport, role })).rejects.toMatchObject({
        name: "RelayRefused",
        status: 403,
        reason: "no_route",
        message: "no_route: no route lets this caller meet that peer",
        retryable: false,
        retryAfter: undefined,
      });
    }
  });

  it.each(["client", undefined] as const)("on the bare connection says why (role %s)", async (role) => {
    const dial = await relayThat(async (caller) => {
      const bare = await detach(caller);
      bare.resume().end(refusal(503, "draining", "the relay is draining", "Retry-After: 7\r\n"));
    });
    await expect(dial({ role })).rejects.toMatchObject({
      name: "RelayRefused",
      status: 503,
      reason: "draining",
      retryable: true,
      retryAfter: 7,
    });
  });

  it("may come in pieces, and be cut off in its content", async () => {
    const text = refusal(504, "role_conflict", "the peer came, but asked for the same Relay-Role");
    const dial = await relayThat(async (caller) => {
      const bare = await detach(caller);
      bare.write(text.slice(0, -30));
      setImmediate(() => bare.end(text.slice(-30, -10)));
    });
    await expect(dial()).rejects.toMatchObject({
      reason: "role_conflict",
      retryable: false,
      message: "role_conflict: the peer came, but asked for the same R",
    });
  });

  it.each([
    ["HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", { status: 404, reason: "http_404", message: "Not Found" }],
    ["HTTP/1.1 502 Bad Gateway\r\n\r\nline 1\u001b[31m\nline 2", { reason: "http_502", message: "line 1[31m" }],
    [
      `HTTP/1.1 403 No\r\nProxy-Status: a; details="x; reason=wrong", relayd; reason="new_one"\r\nContent-Length: 2\r\n\r\nno`,
      { reason: "new_one", message: "no" },
    ],
    [`HTTP/1.1 400 Bad\r\nContent-Length: 9999999\r\n\r\n${"y".repeat(9_000)}`, { message: "y".repeat(500) }],
  ])("of somebody else is told as it is: %j", async (answer, expected) => {
    const dial = await relayThat(({ outer, records }) => {
      records.stayInTls();
      outer.resume().end(answer);
    });
    await expect(dial()).rejects.toMatchObject({ name: "RelayRefused", ...expected });
  });
});

describe("an answer that breaks the protocol is a RelayProtocolError", () => {
  const good = { transport: "raw", peer: "f2", role: "server" } as const;
  it.each([
    ["another peer", head200({ ...good, peer: "f3" }), "relay-peer"],
    ["another transport", head200({ ...good, transport: "tls" }), "relay-transport"],
    ["another role", head200({ ...good, role: "client" }), "relay-role"],
    ["no session", head200(good).replace(/Relay-Session.*\r\n/, ""), "relay-session"],
    ["a status that is none of ours", "HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n", "301"],
    ["no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", "not HTTP"],
  ])("%s", async (_what, answer, named) => {
    const dial = await relayThat(async (caller) => void (await detach(caller)).end(answer));
    const attempt = dial({ role: "server" });
    await expect(attempt).rejects.toMatchObject({ name: "RelayProtocolError", retryable: false });
    await expect(attempt).rejects.toThrow(named);
  });

  it("a 200 inside TLS, where raw was asked for", async () => {
    const dial = await relayThat(({ outer }) => void outer.write(head200(good)));
    await expect(dial()).rejects.toMatchObject({ name: "RelayProtocolError" });
  });
});

describe("a relay that cannot be trusted is a RelayNotVerified", () => {
  it.each([
    ["its certificate is another CA's", () => certificates.foreignF2, {}],
    ["its certificate is for another host", () => certificates.f3, {}],
    ["it bears another name than asked for", () => certificates.relay, { servername: "relay.example" }],
  ] as const)("%s", async (_what, credentials, options) => {
    let asked = false;
    const dial = await relayThat(() => {
      asked = true;
    }, credentials());
    await expect(dial(options)).rejects.toMatchObject({ name: "RelayNotVerified", retryable: false });
    expect(asked).toBe(false);
  });
});

describe("a relay that cannot be reached is a RelayUnreachable", () => {
  it("nobody listens there", async () => {
    const server = createServer();
    const port = await listen(server);
    await close(server, new Set());
    const attempt = connect({ relay: `127.0.0.1:${port}`, peer: "f2", identity: certificates.f1 });
    await expect(attempt).rejects.toMatchObject({ name: "RelayUnreachable", retryable: true });
    await expect(attempt).rejects.toThrow(`127.0.0.1:${port}`);
  });

  it.each([
    ["in the handshake", (socket: Socket) => void socket.once("data", () => socket.destroy())],
    ["with something else than TLS", (socket: Socket) => void socket.end("220 mail.example ESMTP\r\n")],
  ])("it ends the connection %s", async (_when, behave) => {
    const server = createServer(behave);
    const open = new Set<Socket>();
    server.on("connection", (socket) => open.add(socket.on("error", never)));
    const attempt = connect({ relay: `127.0.0.1:${await listen(server)}`, peer: "f2", identity: certificates.f1 });
    await expect(attempt).rejects.toMatchObject({ name: "RelayUnreachable" });
    await close(server, open);
  });

  it.each(["raw", "tls"] as const)("it goes away while the caller waits (%s)", async (transport) => {
    const dial = await relayThat(async (caller) => {
      if (transport === "raw") await detach(caller);
      caller.socket.end();
    });
    await expect(dial({ transport })).rejects.toMatchObject({ name: "RelayUnreachable", retryable: true });
    await expect(dial({ transport, role: "client" })).rejects.toMatchObject({
      name: "RelayUnreachable",
      retryable: true,
    });
  });
});

type Impostor = "f3" | "relay" | "f2AsRelay" | "foreignF2" | "wildcard";

describe("whoever is not the peer is PeerNotVerified, or WrongPeer where it is another function", () => {
  // The impostor's own connection may come about, in TLS 1.3, before the other end has judged it.
  async function meetInstead(who: Impostor, options: Partial<ConnectOptions>) {
    const dial = await relayThat(pairing());
    const impostor = dial({ identity: certificates[who], peer: "f1" });
    impostor.then(({ socket }) => socket.on("error", never), never);
    try {
      return await dial(options);
    } finally {
      await impostor.then(({ socket }) => socket.destroy(), never);
    }
  }

  it.each(
    (["client", "server"] as const).flatMap(
      (role) =>
        [
          [role, "f3", { name: "WrongPeer", names: ["f3"], message: expect.stringContaining("bears f3") }],
          [role, "relay", { name: "PeerNotVerified" }],
          [role, "f2AsRelay", { name: "PeerNotVerified" }],
          [role, "foreignF2", { name: "PeerNotVerified" }],
        ] as const,
    ),
  )("as inner %s, meeting %s", async (role, who, error) => {
    await expect(meetInstead(who, { role })).rejects.toMatchObject({ peer: "f2", retryable: false, ...error });
  });

  it("a certificate for servers alone is told from a function's", async () => {
    await expect(meetInstead("f2AsRelay", { role: "client" })).rejects.toThrow("not for TLS clients");
  });

  it("a wildcard is nobody's name", async () => {
    await expect(meetInstead("wildcard", { role: "client", peer: "f2.example" })).rejects.toThrow("no function's name");
  });
});

describe("a connection that is cut off", () => {
  it.each(["client", "server", undefined] as const)(
    "before the peer is verified is HandshakeTruncated (role %s)",
    async (role) => {
      const dial = await relayThat(async (caller) => {
        const bare = await detach(caller);
        bare.resume().end(head200({ transport: "raw", peer: "f2", role: role ?? "client" }));
      });
      await expect(dial({ role })).rejects.toMatchObject({ name: "HandshakeTruncated", retryable: true });
    },
  );

  it.each(["raw", "tls"] as const)(
    "afterwards is ConnectionTruncated, an error of the socket in place of its end (%s)",
    async (transport) => {
      const relay = await startFakeRelay(certificates.relay, pairing());
      relays.push(relay);
      const common = { relay: `127.0.0.1:${relay.port}`, transport, timeout: 4_000 };
      const pair = await Promise.all([
        connect({ ...common, peer: "f2", identity: certificates.f1 }),
        connect({ ...common, peer: "f1", identity: certificates.f2 }),
      ]);
      let ended = false;
      const errors = pair.map(async ({ socket }) => {
        socket.resume().on("end", () => {
          ended = true;
        });
        const [error] = (await once(socket, "error")) as [Error];
        return error.name;
      });
      for (const socket of relay.open) socket.end();
      expect(await Promise.all(errors)).toEqual(["ConnectionTruncated", "ConnectionTruncated"]);
      expect(ended).toBe(false);
      expect(pair.map(({ socket }) => socket.destroyed)).toEqual([true, true]);
    },
  );
});

describe("a relay or peer that is silent costs no more than the deadline", () => {
  const silences = {
    "before TLS": null,
    "in TLS": never,
    "on the bare connection": async (caller: Caller) => void (await detach(caller)).resume(),
    "behind the 200": async (caller: Caller) => {
      const bare = await detach(caller);
      bare.resume().write(head200({ transport: "raw", peer: "f2", role: "client" }));
    },
  };
  const phases = ["dialling relay", "waiting for f2", "waiting for f2", "verifying f2"];
  const cases = Object.entries(silences).map(([when, answer], index) => ({ when, answer, phase: phases[index] ?? "" }));

  async function silentRelay(answer: ((caller: Caller) => void | Promise<void>) | null) {
    if (answer !== null) return relayThat(answer);
    const open = new Set<Socket>();
    const server = createServer((socket) => void open.add(socket.on("error", never)));
    const port = await listen(server);
    relays.push({ port, open, close: async () => close(server, open) });
    return (options: Partial<ConnectOptions>) =>
      connect({ relay: `127.0.0.1:${port}`, peer: "f2", identity: certificates.f1, timeout: 4_000, ...options });
  }

  it.each(cases)("$when", async ({ answer, phase }) => {
    const dial = await silentRelay(answer);
    for (const role of ["client", undefined] as const) {
      const attempt = dial({ role, timeout: 200 });
      await expect(attempt).rejects.toMatchObject({ name: "RelayTimeout", retryable: true });
      await expect(attempt).rejects.toThrow(`not connected within 200 ms: timed out while ${phase}`);
    }
  });

  it.each(cases)("or until the caller gives up: $when", async ({ answer }) => {
    const dial = await silentRelay(answer);
    const controller = new AbortController();
    const attempt = dial({ role: "client", signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 100);
    await expect(attempt).rejects.toThrow("enough");
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  // Behind the ClientHello that went out early a FIN would be a half-close: the relay would give the place to the peer.
  it("and departs by a reset where it is parked", async () => {
    const parked = Promise.withResolvers<void>();
    const left = Promise.withResolvers<string>();
    const dial = await relayThat(async (caller) => {
      const bare = await detach(caller);
      bare.once("data", () => parked.resolve()).once("end", () => left.resolve("ended"));
      bare.resume().once("error", (error: NodeJS.ErrnoException) => left.resolve(error.code ?? ""));
    });
    const controller = new AbortController();
    const attempt = dial({ role: "client", signal: controller.signal });
    attempt.catch(never);
    await parked.promise;
    controller.abort(new Error("enough"));
    await expect(attempt).rejects.toThrow("enough");
    expect(await left.promise).toBe("ECONNRESET");
  });

  it("and nothing at all if the caller had given up before", async () => {
    const dial = await silentRelay(null);
    await expect(dial({ signal: AbortSignal.abort(new Error("too late")) })).rejects.toThrow("too late");
    expect(dialled.size).toBe(0);
  });

  it("and leaves no timer", async () => {
    const dial = await silentRelay(never);
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timers();
    const attempt = dial({ signal: AbortSignal.timeout(100), timeout: 600_000 });
    await expect(attempt).rejects.toMatchObject({ name: "TimeoutError" });
    expect(timers()).toBeLessThanOrEqual(before);
  });
});
