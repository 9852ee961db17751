import { once } from "node:events";
import { createSecureContext, type SecureContextOptions, connect as secure, TLSSocket } from "node:tls";
import {
  ask,
  type End,
  type Finished,
  type FunctionFiles,
  park,
  Running,
  RunningRelay,
  runCommand,
  until,
} from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LANGUAGES, type Language } from "./clients/languages.ts";

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;
let spiffe: FunctionFiles;
/** issued by the same CA to a relay whose host is called f2 */
let relayOfThatName: SecureContextOptions;

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
  const { certPem, keyPem } = await relay.authority.issueRelay({ hosts: ["f2"] });
  relayOfThatName = { cert: certPem, key: keyPem, ca: relay.authority.certPem };
});

afterAll(() => relay.finish());

const start = (language: Language, self: FunctionFiles, peer: string) =>
  Running.startCommand(...language.command(relay, self, peer));

function runToEnd(language: Language, self: FunctionFiles, peer: string): Promise<Finished> {
  return runCommand(...language.command(relay, self, peer));
}

const parked = () => until("it is parked", async () => (await relay.status()).parked === 1);

/** The other end, by Node: inner TLS over the bare connection, both certificates checked. */
/** Nothing says close_notify for it when the peer has: it could come before a cut. */
const HALF_OPEN = { allowHalfOpen: true } as const;

async function secureAsNode(end: End, credentials: SecureContextOptions): Promise<TLSSocket> {
  const { fields } = await end.paired();
  return fields["relay-role"] === "client"
    ? secure({ socket: end.stream, ...credentials, ...HALF_OPEN, checkServerIdentity: () => undefined })
    : new TLSSocket(end.stream, {
        ...HALF_OPEN,
        isServer: true,
        secureContext: createSecureContext(credentials),
        requestCert: true,
        rejectUnauthorized: true,
      });
}

async function talkAsNode(end: End, { name, cert, key, ca }: FunctionFiles): Promise<string> {
  const inner = await secureAsNode(end, { cert, key, ca });
  inner.write(`${name} says hello\n`);
  const [line] = await once(inner, "data");
  inner.end();
  await once(inner, "close");
  return String(line);
}

describe.each(LANGUAGES)("$name", (language) => {
  beforeAll(() => language.build?.(relay), 120_000);

  it("as both ends", async () => {
    for (const [first, second] of [
      [f1, f2],
      [f2, f1],
      [spiffe, f1],
    ] as const) {
      const waiting = start(language, first, second.name);
      await parked();
      const coming = start(language, second, first.name);
      expect([await waiting.ended, await coming.ended], [...waiting.lines, ...coming.lines].join("\n")).toEqual([0, 0]);
      expect(waiting.lines).toEqual([
        expect.stringMatching(`^verified ${second.name} as ${first === f1 ? "client" : "server"}, session `),
        `heard ${second.name} says hello`,
      ]);
      expect(coming.lines[1]).toBe(`heard ${first.name} says hello`);
    }
  });

  it.each([
    ["client", () => [f1, f2]],
    ["server", () => [f2, f1]],
  ] as const)("as TLS %s, before and after the other", async (_role, ends) => {
    const [self, peer] = ends() as [FunctionFiles, FunctionFiles];
    const waiting = start(language, self, peer.name);
    await parked();
    expect(await talkAsNode(await ask(relay, peer, self.name), peer)).toBe(`${self.name} says hello\n`);
    expect(await waiting.ended).toBe(0);
    expect(waiting.lines.at(-1)).toBe(`heard ${peer.name} says hello`);
    const end = await park(relay, peer, self.name);
    const coming = start(language, self, peer.name);
    expect(await talkAsNode(end, peer)).toBe(`${self.name} says hello\n`);
    expect(await coming.ended).toBe(0);
  });

  it("is told why it is refused", async () => {
    const { code, stdout, stderr } = await runToEnd(language, f1, "nobody");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(language.toldWhy);
  });

  it.each([
    ["somebody else", () => spiffe],
    ["a relay of the peer's name", () => relayOfThatName],
  ])("does not take %s for its peer", async (_who, credentials) => {
    const { cert, key, ca } = credentials();
    for (const [self, peer] of [
      [f1, f2],
      [f2, f1],
    ] as const) {
      const end = await park(relay, peer, self.name);
      const coming = start(language, self, peer.name);
      const impostor = await secureAsNode(end, { cert, key, ca });
      impostor.on("error", () => {}).resume();
      expect(await coming.ended, coming.lines.join("\n")).toBe(1);
      expect(coming.lines.filter((line) => line.startsWith("verified"))).toEqual([]);
      impostor.destroy();
    }
  });

  it("does not take a connection that was cut off for one that has ended", async () => {
    const end = await park(relay, f2, "f1");
    const coming = start(language, f1, "f2");
    const inner = await secureAsNode(end, { cert: f2.cert, key: f2.key, ca: f2.ca });
    await once(inner, "data");
    inner.write("all of it\nor not", () => end.stream.end()); // a FIN, and no close_notify before it
    inner.on("error", () => {}).resume();
    expect(await coming.ended, coming.lines.join("\n")).toBe(1);
    inner.destroy();
  });
});
