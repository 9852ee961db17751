import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectTo, type Endpoint, formatEndpoint, parseEndpoint } from "./endpoint.ts";

describe("an address", () => {
  it.each<[string, Endpoint]>([
    ["127.0.0.1:5432", { host: "127.0.0.1", port: 5432 }],
    ["db.internal:1", { host: "db.internal", port: 1 }],
    ["localhost:0", { host: "localhost", port: 0 }],
    ["[::1]:65535", { host: "::1", port: 65_535 }],
    ["unix:/run/app.sock", { path: "/run/app.sock" }],
    ["unix:app.sock", { path: "app.sock" }],
    [`unix:/${"é".repeat(53)}`, { path: `/${"é".repeat(53)}` }],
  ])("%s, and is written the same way", (text, endpoint) => {
    expect(parseEndpoint(text)).toEqual(endpoint);
    expect(formatEndpoint(endpoint)).toBe(text);
  });

  it.each([
    "",
    "5432",
    "127.0.0.1",
    "127.0.0.1:",
    ":5432",
    "127.0.0.1:65536",
    "127.0.0.1:-1",
    "::1:5432",
    "[::1]",
    "tcp://a:1",
    "a b:1",
    "unix:",
    "unix:/a\0b",
    `unix:/${"é".repeat(54)}`, // 109 bytes
  ])("not %j", (text) => {
    expect(parseEndpoint(text)).toBeNull();
  });
});

describe("a connection", () => {
  const server = createServer((socket) => socket.on("error", () => {}).resume());
  let address: AddressInfo;

  beforeAll(async () => {
    await once(server.listen(0, "127.0.0.1"), "listening");
    address = server.address() as AddressInfo;
  });

  afterAll(() => void server.close());

  const never = new AbortController().signal;

  it("is made, refused, or given up when asked", async () => {
    const socket = await connectTo({ host: "127.0.0.1", port: address.port }, 5_000, never);
    expect(socket.listenerCount("error")).toBeGreaterThan(0);
    socket.destroy();
    await expect(connectTo({ path: "/nonexistent/app.sock" }, 5_000, never)).rejects.toThrow("ENOENT");
    const given = AbortSignal.abort(new Error("the peer hung up"));
    await expect(connectTo({ host: "127.0.0.1", port: address.port }, 5_000, given)).rejects.toThrow("hung up");
  });
});
