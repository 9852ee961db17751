import { once } from "node:events";
import { createSecureContext, connect as secure, TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import {
  ask,
  type End,
  type FunctionFiles,
  park,
  Running,
  RunningRelay,
  runCommand,
  until,
} from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const SCRIPT = fileURLToPath(new URL("clients/relay_end.py", import.meta.url));

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;
let spiffe: FunctionFiles;

beforeAll(async () => {
  relay = await RunningRelay.start({
    routes: [
      ["f1", "f2"],
      ["f1", "spiffe://example.org/f3"],
    ],
  });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
  spiffe = await relay.issue("spiffe://example.org/f3");
});

afterAll(() => relay.finish());

function argumentsFor(self: FunctionFiles, peer: string, flags: readonly string[]): string[] {
  const files = ["--cert", self.certFile, "--key", self.keyFile, "--ca", self.caFile];
  return [
    SCRIPT,
    "--port",
    `${relay.port}`,
    "--peer",
    peer,
    ...files,
    "--message",
    `${self.name} says hello`,
    ...flags,
  ];
}

const python = (self: FunctionFiles, peer: string, ...flags: string[]) =>
  Running.startCommand("python3", argumentsFor(self, peer, flags));

const parked = () => until("it is parked", async () => (await relay.status()).parked === 1);

/** The other end, by Node: inner TLS over the bare connection, both certificates checked. */
async function talkAsNode(end: End, self: FunctionFiles): Promise<string> {
  const { fields } = await end.paired();
  const { cert, key, ca } = self;
  const inner =
    fields["relay-role"] === "client"
      ? secure({ socket: end.stream, cert, key, ca, checkServerIdentity: () => undefined })
      : new TLSSocket(end.stream, {
          isServer: true,
          secureContext: createSecureContext({ cert, key, ca }),
          requestCert: true,
          rejectUnauthorized: true,
        });
  inner.write(`${self.name} says hello\n`);
  const [line] = await once(inner, "data");
  inner.end();
  await once(inner, "close");
  return String(line);
}

describe.each([
  ["step by step", []],
  ["pipelined", ["--pipelined"]],
] as const)("%s", (_how, flags) => {
  it("as both ends", async () => {
    for (const [first, second] of [
      [f1, f2],
      [f2, f1],
      [spiffe, f1],
    ] as const) {
      const waiting = python(first, second.name, ...flags);
      await waiting.line(/^detached$/);
      await parked();
      const coming = python(second, first.name, ...flags);
      expect([await waiting.ended, await coming.ended]).toEqual([0, 0]);
      expect(waiting.lines.slice(1)).toEqual([
        `paired with ${second.name} as ${first === f1 ? "client" : "server"}`,
        `verified ${second.name}`,
        `heard ${second.name} says hello`,
      ]);
      expect(coming.lines.slice(2)).toEqual([`verified ${first.name}`, `heard ${first.name} says hello`]);
    }
  });

  it.each([
    ["f1", () => [f1, f2]],
    ["f2", () => [f2, f1]],
  ] as const)("as %s, waiting for the other", async (_which, ends) => {
    const [self, peer] = ends() as [FunctionFiles, FunctionFiles];
    const waiting = python(self, peer.name, ...flags);
    await parked();
    expect(await talkAsNode(await ask(relay, peer, self.name), peer)).toBe(`${self.name} says hello\n`);
    expect(await waiting.ended).toBe(0);
    expect(waiting.lines.at(-1)).toBe(`heard ${peer.name} says hello`);
  });

  it.each([
    ["f1", () => [f1, f2]],
    ["f2", () => [f2, f1]],
  ] as const)("as %s, awaited by the other", async (_which, ends) => {
    const [self, peer] = ends() as [FunctionFiles, FunctionFiles];
    const end = await park(relay, peer, self.name);
    const coming = python(self, peer.name, ...flags);
    expect(await talkAsNode(end, peer)).toBe(`${self.name} says hello\n`);
    expect(await coming.ended).toBe(0);
  });
});

it("it is told why it is refused", async () => {
  const { code, stdout, stderr } = await runCommand("python3", argumentsFor(f1, "nobody", []));
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(
    /^refused: HTTP\/1\.1 403 Forbidden\r?\nProxy-Status: relayd; error=\w+; reason=no_route\r?\n/,
  );
});
