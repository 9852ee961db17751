import { createHash, randomBytes } from "node:crypto";
import { createServer, type Server } from "node:https";
import type { TLSSocket } from "node:tls";
import {
  type Finished,
  type FunctionFiles,
  park,
  RunningRelay,
  refusalReason,
  runCommand,
} from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

const PAGE = randomBytes(5_000_000);

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;
let server: Server;
/** who was at the other end of the inner TLS, as its certificate says */
const visitors: string[] = [];

beforeAll(async () => {
  relay = await RunningRelay.start({ routes: [["f1", "f2"]] });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
  const { cert, key, ca } = f2;
  // It listens on no port: its connections are those that f2 is paired into.
  server = createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: true }, (request, response) => {
    visitors.push(String((request.socket as TLSSocket).getPeerCertificate().subject.CN));
    if (request.method === "GET") response.end(PAGE);
    else request.pipe(createHash("sha256").setEncoding("hex")).pipe(response);
  });
});

afterAll(async () => {
  server.close();
  await relay.finish();
});

/** f2 waits for f1, and serves it. */
async function serveOnce(transport: "raw" | "tls"): Promise<void> {
  const end = await park(relay, f2, "f1", { transport });
  void end.paired().then(() => server.emit("connection", end.stream));
}

function curl(...args: string[]): Promise<Finished> {
  const proxy = ["--proxy", `https://localhost:${relay.port}`, "--proxy-cacert", f1.caFile, "--ipv4"];
  const proxyIdentity = ["--proxy-cert", f1.certFile, "--proxy-key", f1.keyFile];
  const inner = ["--cacert", f1.caFile, "--cert", f1.certFile, "--key", f1.keyFile];
  return runCommand("curl", ["--silent", "--show-error", ...proxy, ...proxyIdentity, ...inner, ...args]);
}

it.each(["raw", "tls"] as const)("a page, from a server in %s", async (transport) => {
  await serveOnce(transport);
  const file = `${relay.directory}/page-${transport}`;
  const { code, stdout, stderr } = await curl(
    "--output",
    file,
    "--write-out",
    "%{http_connect} %{http_code}",
    "https://f2/",
  );
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "200 200", stderr: "" });
  expect(visitors.pop()).toBe("f1");
  expect((await runCommand("sha256sum", [file])).stdout).toContain(createHash("sha256").update(PAGE).digest("hex"));
});

it("several requests over one session", async () => {
  await serveOnce("raw");
  const before = (await relay.status()).sessions.total;
  const digest = createHash("sha256").update("what is sent").digest("hex");
  expect(await curl("--data", "what is sent", "https://f2/a", "https://f2/b")).toEqual({
    code: 0,
    stdout: digest + digest,
    stderr: "",
  });
  expect((await relay.status()).sessions.total).toBe(before + 1);
});

it("and says 403 where there is no route", async () => {
  const head = `${relay.directory}/head`;
  const { code, stdout, stderr } = await curl(
    "--dump-header",
    head,
    "--write-out",
    "%{http_connect}",
    "https://nobody/",
  );
  expect({ code, stdout }).toEqual({ code: 56, stdout: "403" });
  expect(stderr).toMatch(/^curl: \(56\) .*CONNECT.*403/);
  expect(refusalReason(await relay.read("head"))).toBe("no_route");
});
