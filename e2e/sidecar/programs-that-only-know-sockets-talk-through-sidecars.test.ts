import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Running, runCommand, Sidecars } from "@serverless-relay/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";

let sidecars: Sidecars;

beforeEach(async () => {
  sidecars = await Sidecars.start();
});

afterEach(() => sidecars.finish());

it("redis-cli, by Unix sockets at both ends", async () => {
  const { directory } = sidecars.relay;
  const [real, forwarded] = [join(directory, "redis.sock"), join(directory, "f2.sock")];
  const server = Running.startCommand("redis-server", [
    "--port",
    "0",
    "--unixsocket",
    real,
    "--save",
    "",
    "--dir",
    directory,
  ]);
  try {
    await server.line(/[Rr]eady to accept connections/);
    await sidecars.expose(`unix:${real}`);
    await sidecars.forward(`unix:${forwarded}`);
    expect((await stat(forwarded)).mode & 0o777).toBe(0o600);
    const redis = async (input: string, ...args: string[]) => {
      const { code, stdout, stderr } = await runCommand("redis-cli", ["-s", forwarded, ...args], { input });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      return stdout;
    };
    const value = randomBytes(1_000_000).toString("hex");
    expect(await redis(value, "-x", "SET", "large")).toBe("OK\n");
    expect(await redis("", "GET", "large")).toBe(`${value}\n`);
    const commands = Array.from({ length: 20_000 }, (_, index) => `INCRBY sum ${index}\r\n`).join("");
    expect(await redis(commands, "--pipe")).toContain("errors: 0, replies: 20000");
    expect(await redis("", "GET", "sum")).toBe("199990000\n");
  } finally {
    await server.stop();
  }
});

it("wrk, against an HTTP server: no error, no answer that is not as it should be", async () => {
  const page = randomBytes(20_000).toString("base64");
  const server = createServer((_request, response) => void response.end(page)).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const port = await sidecars.connect(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    const url = `http://127.0.0.1:${port}/`;
    expect((await runCommand("curl", ["-sS", url])).stdout).toBe(page);
    const wrk = ["-t1", "-c8", "--timeout", "30s", `-d${process.env.WRK_SECONDS ?? 3}s`, url];
    const { code, stdout } = await runCommand("wrk", wrk, { timeoutMs: 120_000 });
    expect(code).toBe(0);
    expect(Number(/(\d+) requests in/.exec(stdout)?.[1])).toBeGreaterThan(0);
    expect(stdout).not.toMatch(/Socket errors|Non-2xx/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
