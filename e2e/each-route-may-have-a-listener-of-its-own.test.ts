import { once } from "node:events";
import { createServer, connect as dialTcp, type Socket } from "node:net";
import {
  ask,
  End,
  type FunctionFiles,
  meet,
  OuterClient,
  park,
  type ReservedPorts,
  Running,
  RunningRelay,
  readAll,
  reservePorts,
  until,
} from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let ports: ReservedPorts;
let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;
let f3: FunctionFiles;

beforeAll(async () => {
  ports = await reservePorts(6);
  relay = await RunningRelay.start({ listen: `  perRoute: { host: 127.0.0.1, ports: ${ports.range} }` });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
  f3 = await relay.issue("f3");
});

afterAll(async () => {
  await relay.finish();
  await ports.release();
});

/** Adds a route, and deletes it when the test is over. */
async function withRoute(
  [a, b]: readonly [string, string],
  options: { protocol?: "connect" | "bare" | "plain"; port?: number },
  test: (port: number) => Promise<void>,
): Promise<void> {
  const { route } = await relay.control.addRoute({ f1: a, f2: b, ...options });
  try {
    await test(route.listener?.port ?? 0);
  } finally {
    await relay.control.deleteRoute(a, b, { kill: true });
  }
}

describe("a connect listener", () => {
  it("pairs the functions of its route, with one another and with those of the shared listener", async () => {
    await withRoute(["f1", "f2"], {}, async (port) => {
      for (const shared of [{ port }, {}]) {
        const { ends } = await meet(relay, f1, f2, [{ port }, shared]);
        ends[0].stream.end("through its own listener");
        expect(await ends[1].rest()).toBe("through its own listener");
        for (const end of ends) end.destroy();
      }
    });
  });

  it("refuses a target outside of its route, though the caller may meet that elsewhere", async () => {
    await withRoute(["f1", "f2"], {}, (port) =>
      withRoute(["f1", "f3"], {}, async () => {
        await expect(End.raw(port, f1, "f3:443")).rejects.toThrow("; reason=no_route\r\n");
        await expect(End.raw(port, f3, "f1:443")).rejects.toThrow("; reason=no_route\r\n");
        const { ends } = await meet(relay, f1, f3);
        for (const end of ends) end.destroy();
      }),
    );
  });
});

describe("a bare listener", () => {
  function opensslClient(port: number, self: FunctionFiles): Running {
    const files = ["-cert", self.certFile, "-key", self.keyFile, "-CAfile", self.caFile];
    const flags = ["-quiet", "-no_ign_eof", "-verify_return_error", "-verify_hostname", "localhost"];
    return Running.startCommand("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, ...files, ...flags], {
      stdin: "open",
    });
  }

  it("carries bytes between two openssl s_client, which know nothing of this protocol", async () => {
    await withRoute(["f1", "f2"], { protocol: "bare" }, async (port) => {
      const [one, other] = [opensslClient(port, f1), opensslClient(port, f2)];
      one.write("hello from f1\n");
      other.write("hello from f2\n");
      await one.line(/^hello from f2$/);
      await other.line(/^hello from f1$/);
      const [session] = await relay.control.listSessions();
      one.endInput();
      expect([await one.ended, await other.ended]).toEqual([0, 0]);
      expect(await relay.logged("ended", { session: session?.id ?? "" })).toMatchObject({ bytes: [14, 14] });
    });
  });

  it("lets an openssl s_client meet one that came by CONNECT, whichever comes first", async () => {
    await withRoute(["f1", "f2"], { protocol: "bare" }, async (port) => {
      for (const transport of ["raw", "tls"] as const) {
        for (const connectFirst of [true, false]) {
          const early = connectFirst ? await park(relay, f2, "f1", { transport }) : null;
          const openssl = opensslClient(port, f1);
          if (early === null) await until("s_client is parked", async () => (await relay.status()).parked === 1);
          const end = early ?? (await ask(relay, f2, "f1", { transport }));
          expect((await end.paired()).fields).toMatchObject({ "relay-peer": "f1", "relay-role": "server" });
          end.stream.write("who is there?\n");
          await openssl.line(/^who is there\?$/);
          openssl.write("openssl\n");
          openssl.endInput();
          expect(await end.rest()).toBe("openssl\n");
          end.stream.end();
          expect(await openssl.ended).toBe(0);
          end.destroy();
        }
      }
    });
  });

  it("drops a client that is no end of its route, without a word", async () => {
    await withRoute(["f1", "f2"], { protocol: "bare" }, async (port) => {
      const stranger = await OuterClient.dial(port, f3);
      expect(await readAll(stranger.tls).catch(() => Buffer.of())).toHaveLength(0);
      const address = `127.0.0.1:${stranger.socket.localPort}`;
      expect(await relay.logged("dropped", { address })).toMatchObject({ reason: "not_of_this_route", names: ["f3"] });
      stranger.destroy();

      const nobody = await OuterClient.dial(port, { ca: f1.ca });
      expect(await nobody.answer()).toBe("");
      const unknown = `127.0.0.1:${nobody.socket.localPort}`;
      expect(await relay.logged("refused", { address: unknown })).toMatchObject({ reason: "certificate_missing" });
      nobody.destroy();
    });
  });
});

describe("a plain listener", () => {
  const dial = async (port: number): Promise<Socket> => {
    const socket = dialTcp({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    await once(socket, "connect");
    return socket;
  };

  it("pairs two consecutive connections, and again two", async () => {
    await withRoute(["f1", "f2"], { protocol: "plain" }, async (port) => {
      const parked = async (count: number) =>
        await until(`${count} are parked`, async () => (await relay.status()).parked === count);
      for (let pair = 0; pair < 3; pair++) {
        const one = await dial(port);
        one.write(`first of pair ${pair}`);
        await parked(1);
        const other = await dial(port);
        await parked(0);
        one.end();
        other.end(`second of pair ${pair}`);
        expect((await readAll(other)).toString()).toBe(`first of pair ${pair}`);
        expect((await readAll(one)).toString()).toBe(`second of pair ${pair}`);
      }
    });
  });

  it("never pairs one with a function that was verified", async () => {
    await withRoute(["f1", "f2"], { protocol: "plain" }, async (port) => {
      const early = await park(relay, f1, "f2");
      const anybody = await dial(port);
      await until("both are parked", async () => (await relay.status()).parked === 2);
      const late = await ask(relay, f2, "f1");
      for (const end of [early, late]) expect(await end.paired()).toMatchObject({ status: 200 });
      expect((await relay.status()).parked).toBe(1);
      for (const end of [early, late]) end.destroy();
      const address = `127.0.0.1:${anybody.localPort}`;
      anybody.destroy();
      await relay.logged("departed", { address });
    });
  });

  it("is not to be had where others could reach it", async () => {
    const range = await reservePorts(2);
    const exposed = await RunningRelay.start({ listen: `  perRoute: { host: 0.0.0.0, ports: ${range.range} }` });
    const { code, stderr } = await exposed.relayctl("route", "add", "f1", "f2", "--protocol", "plain");
    expect(stderr).toMatch(
      /^relayctl: plain verifies nobody, and 0\.0\.0\.0 is not loopback; set listen\.perRoute\.host/,
    );
    expect(code).toBe(1);
    expect(await exposed.control.listRoutes()).toEqual([]);
    await exposed.stop();
    await range.release();
  });
});

describe("the port of a route", () => {
  const listenersNow = async () =>
    (await relay.control.listRoutes()).map(
      ({ f1, f2, listener }) => `${f1} ${f2} ${listener?.protocol} ${listener?.port}`,
    );

  it("is kept across a restart, and given to another route once its own is deleted", async () => {
    for (const [a, b] of [
      ["a", "b"],
      ["c", "d"],
      ["e", "f"],
    ] as const)
      await relay.control.addRoute({ f1: a, f2: b });
    await relay.control.deleteRoute("c", "d");
    const before = await listenersNow();
    expect(before).toEqual([`a b connect ${ports.first}`, `e f connect ${ports.first + 2}`]);
    await relay.halt();
    await relay.boot();
    expect(await listenersNow()).toEqual(before);
    await relay.control.addRoute({ f1: "g", f2: "h", protocol: "bare" });
    expect(await listenersNow()).toEqual([...before, `g h bare ${ports.first + 1}`].toSorted());
    await relay.crash();
    await relay.boot();
    expect(await listenersNow()).toEqual([...before, `g h bare ${ports.first + 1}`].toSorted());
    for (const [a, b] of [
      ["a", "b"],
      ["e", "f"],
      ["g", "h"],
    ] as const)
      await relay.control.deleteRoute(a, b);
  });

  it("is closed with the route", async () => {
    let closed = 0;
    await withRoute(["f1", "f2"], {}, async (port) => {
      closed = port;
    });
    const [error] = await once(dialTcp(closed, "127.0.0.1"), "error");
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
  });

  it("is the one that was asked for, or there is no route", async () => {
    const wanted = String(ports.last);
    const added = await relay.relayctl("route", "add", "f1", "f2", "--protocol", "bare", "--port", wanted);
    expect(added.stdout).toBe(`route f1 <-> f2 added\nlistener: bare 127.0.0.1:${wanted}\n`);
    const same = await relay.relayctl("route", "add", "f2", "f1", "--protocol", "bare");
    expect(same).toMatchObject({ code: 0, stdout: expect.stringContaining("exists already: nothing changed") });
    const differing = await relay.relayctl("route", "add", "f1", "f2", "--protocol", "connect");
    expect(differing.stderr).toMatch(
      /^relayctl: there is a route between f1 and f2 already, but its listener is bare on port/,
    );
    expect(differing.code).toBe(1);
    const taken = await relay.relayctl("route", "add", "f1", "f3", "--port", wanted);
    expect(taken).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`port ${wanted} is the listener of another route`),
    });
    expect(await listenersNow()).toEqual([`f1 f2 bare ${wanted}`]);
    await relay.control.deleteRoute("f1", "f2");
  });

  it("is waited for by nobody: where another process has it after a restart, the others are served", async () => {
    await relay.control.addRoute({ f1: "f1", f2: "f2" });
    await relay.control.addRoute({ f1: "f1", f2: "f3" });
    await relay.halt();
    const squatter = createServer().listen(ports.first, "127.0.0.1");
    await once(squatter, "listening");
    await relay.boot();
    const { stdout } = await relay.relayctl("status");
    expect(stdout).toMatch(
      new RegExp(`^WARNING: listener of f1 <-> f2: connect 127.0.0.1:${ports.first} DOWN: .*port is taken`),
    );
    const { ends } = await meet(relay, f1, f3, [{ port: ports.first + 1 }, {}]);
    for (const end of ends) end.destroy();
    const shared = await meet(relay, f1, f2);
    for (const end of shared.ends) end.destroy();
    squatter.close();
    for (const peer of ["f2", "f3"]) await relay.control.deleteRoute("f1", peer);
  });

  it("is one of the range, and where all are taken the route is not added", async () => {
    const names = Array.from({ length: 6 }, (_, index) => `n${index}`);
    for (const name of names) await relay.control.addRoute({ f1: "f1", f2: name });
    const { code, stderr } = await relay.relayctl("route", "add", "f1", "f2");
    expect(stderr).toMatch(new RegExp(`^relayctl: no port of ${ports.range} is free; delete routes, or widen`));
    expect(code).toBe(1);
    for (const name of names) await relay.control.deleteRoute("f1", name);
  });
});
