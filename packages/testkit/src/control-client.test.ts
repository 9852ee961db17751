/** The client of control-api, whose own tests cannot import the testkit: it stands on that client. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ControlClient, ControlError, DaemonUnreachable } from "@serverless-relay/control-api/client";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AskedRequest, FakeDaemon, type Handler } from "./fake-daemon.ts";

let dir: string;
let socket: string;
let daemon: FakeDaemon | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "control-client-"));
  socket = join(dir, "relayd.sock");
});

afterEach(async () => {
  await daemon?.close();
  daemon = undefined;
  await rm(dir, { recursive: true });
});

async function answering(status: number, body: unknown): Promise<readonly AskedRequest[]> {
  daemon = await FakeDaemon.answering(socket, status, body);
  return daemon.asked;
}

async function serving(handle: Handler): Promise<void> {
  daemon = await FakeDaemon.serving(socket, handle);
}

async function onConnection(handle: (connection: Socket) => void): Promise<void> {
  daemon = await FakeDaemon.onConnection(socket, handle);
}

async function failure(call: Promise<unknown>): Promise<DaemonUnreachable> {
  const error = await call.then(
    () => new Error("the call succeeded"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DaemonUnreachable);
  expect((error as DaemonUnreachable).message).toContain(socket);
  return error as DaemonUnreachable;
}

const client = (timeoutMs = 5_000) => new ControlClient({ socket, timeoutMs });

describe("a call", () => {
  it.each<[string, (it: ControlClient) => Promise<unknown>, AskedRequest]>([
    ["status", (it) => it.status(), { method: "GET", path: "/v1/status", body: "" }],
    [
      "addRoute",
      (it) => it.addRoute({ f1: "f1", f2: "spiffe://é/f2", protocol: "bare", port: 20000 }),
      { method: "POST", path: "/v1/routes", body: '{"f1":"f1","f2":"spiffe://é/f2","protocol":"bare","port":20000}' },
    ],
    [
      "deleteRoute",
      (it) => it.deleteRoute("f1", "spiffe://example.org/a%2Fb"),
      { method: "DELETE", path: "/v1/routes/f1/spiffe%3A%2F%2Fexample.org%2Fa%252Fb?kill=false", body: "" },
    ],
    [
      "deleteRoute with kill",
      (it) => it.deleteRoute("f1", "f2", { kill: true }),
      { method: "DELETE", path: "/v1/routes/f1/f2?kill=true", body: "" },
    ],
    ["listSessions", (it) => it.listSessions(), { method: "GET", path: "/v1/sessions", body: "" }],
    ["getSession", (it) => it.getSession("a/b"), { method: "GET", path: "/v1/sessions/a%2Fb", body: "" }],
    ["why", (it) => it.why("a/b", "f2"), { method: "GET", path: "/v1/why/a%2Fb/f2", body: "" }],
    [
      "why on a channel",
      (it) => it.why("f1", "f2", { channel: "a b" }),
      { method: "GET", path: "/v1/why/f1/f2?channel=a%20b", body: "" },
    ],
    ["killSession", (it) => it.killSession("a/b"), { method: "DELETE", path: "/v1/sessions/a%2Fb", body: "" }],
    ["drain", (it) => it.drain(), { method: "POST", path: "/v1/drain", body: "{}" }],
    [
      "drain with a timeout",
      (it) => it.drain({ timeout: 5 }),
      { method: "POST", path: "/v1/drain", body: '{"timeout":5}' },
    ],
    ["logState", (it) => it.logState(), { method: "GET", path: "/v1/log", body: "" }],
    ["setLogLevel", (it) => it.setLogLevel("debug"), { method: "PUT", path: "/v1/log", body: '{"level":"debug"}' }],
    ["listParked", (it) => it.listParked(), { method: "GET", path: "/v1/parked", body: "" }],
  ])("of %s asks as the API says", async (_name, call, expected) => {
    const asked = await answering(200, {});
    await call(client());
    expect(asked).toEqual([expected]);
  });

  it("gives what the answer holds", async () => {
    const sessions = [{ id: "aa" }];
    await answering(200, { sessions });
    await expect(client().listSessions()).resolves.toEqual(sessions);
  });

  it("gives routes as they come", async () => {
    const routes = [{ f1: "f1", f2: "f2" }];
    const asked = await answering(200, routes);
    await expect(client().listRoutes()).resolves.toEqual(routes);
    expect(asked).toEqual([{ method: "GET", path: "/v1/routes", body: "" }]);
  });

  it("takes a list that is not told line by line for that of another version", async () => {
    await answering(200, { routes: [] });
    await expect(client().listRoutes()).rejects.toMatchObject({ reason: "not_relayd" });
  });

  it("throws what the daemon says no with", async () => {
    await answering(409, { error: { code: "route_static", message: "f1 <-> f2 is in the configuration" } });
    const error = await client()
      .deleteRoute("f1", "f2")
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ControlError);
    expect(error).toMatchObject({ code: "route_static", status: 409, message: "f1 <-> f2 is in the configuration" });
  });
});

describe("a daemon that is not reachable", () => {
  it("is absent where there is no socket", async () => {
    expect((await failure(client().status())).reason).toBe("absent");
  });

  it("refuses where nobody listens", async () => {
    await writeFile(socket, "");
    expect((await failure(client().status())).reason).toBe("refused");
  });

  it("closes without an answer", async () => {
    await onConnection((connection) => connection.end());
    expect((await failure(client().status())).reason).toBe("closed");
  });

  it.each([
    ["with a length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"],
    ["in chunks", 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n'],
  ])("dies in mid-answer, %s", async (_kind, beginning) => {
    await onConnection((connection) => connection.end(beginning));
    expect((await failure(client().status())).reason).toBe("truncated");
  });

  it("is given up on when it does not answer in time", async () => {
    await onConnection(() => {});
    expect((await failure(client(50).status())).reason).toBe("timeout");
  });

  it("is given up on when it does not finish its answer in time", async () => {
    await onConnection((connection) => connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"));
    const error = await failure(client(50).status());
    expect(error.reason).toBe("timeout");
    expect(error.message).toContain("0.05 s");
  });

  it.each([
    ["something else than HTTP", "220 mail.example ESMTP\r\n"],
    ["something else than JSON", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"],
    ["an error of another shape", 'HTTP/1.1 404 Not Found\r\nContent-Length: 15\r\n\r\n{"error":"none"}'],
  ])("is none: it answers with %s", async (_kind, answer) => {
    await onConnection((connection) => connection.end(answer));
    expect((await failure(client().status())).reason).toBe("not_relayd");
  });

  it("is read no further than 64 MiB", async () => {
    await serving((_request, response) => {
      const chunk = Buffer.alloc(1024 * 1024, " ");
      const fill = () => {
        while (response.write(chunk));
      };
      response.on("drain", fill);
      fill();
    });
    expect((await failure(client().status())).reason).toBe("too_large");
  });
});

describe("the events", () => {
  const wanted = [
    { time: "2026-11-23T06:00:00.000Z", event: "admitted", name: "fé1" },
    { time: "2026-11-23T06:00:01.000Z", event: "paired" },
  ];
  const text = Buffer.from(`${wanted.map((event) => JSON.stringify(event)).join("\n\n")}\n`);

  it("arrive whole, wherever the stream is cut", async () => {
    await serving(async (_request, response) => {
      response.writeHead(200, { "content-type": "application/x-ndjson" });
      for (const byte of text) await new Promise((written) => response.write(Buffer.of(byte), written));
      response.end();
    });
    const got: unknown[] = [];
    for await (const event of client().events()) got.push(event);
    expect(got).toEqual(wanted);
  });

  it("end when the signal is aborted, past the deadline of a call", async () => {
    await serving((_request, response) => void response.writeHead(200).write(text));
    const stop = new AbortController();
    const got: unknown[] = [];
    for await (const event of client().events({ signal: stop.signal })) {
      got.push(event);
      if (got.length === wanted.length) stop.abort();
    }
    expect(got).toEqual(wanted);
  });

  it("end when the signal is aborted before they began", async () => {
    await onConnection(() => {});
    const got: unknown[] = [];
    for await (const event of client().events({ signal: AbortSignal.timeout(20) })) got.push(event);
    expect(got).toEqual([]);
  });

  it("let go of the connection when nobody reads on", async () => {
    await serving((_request, response) => void response.writeHead(200).write(text));
    for await (const event of client().events()) {
      expect(event).toEqual(wanted[0]);
      break;
    }
  });

  it("throw when the daemon breaks off", async () => {
    await onConnection((connection) => {
      connection.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    });
    expect((await failure(client().events().next())).reason).toBe("truncated");
  });

  it("throw when the daemon says no", async () => {
    await answering(404, { error: { code: "not_found", message: "no events here" } });
    await expect(client().events().next()).rejects.toThrow(ControlError);
  });

  it("throw when the daemon does not begin in time", async () => {
    await onConnection(() => {});
    expect((await failure(client(50).events().next())).reason).toBe("timeout");
  });
});
