import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Certificates, makeCertificates } from "./certificates.test-support.ts";
import { fromEnv, relayFromEnv } from "./index.ts";
import { planOf } from "./options.ts";

let certificates: Certificates;
let texts: Record<string, string>;
const directory = mkdtempSync(join(tmpdir(), "relay-client-"));

beforeAll(async () => {
  certificates = await makeCertificates();
  const { cert, key, ca } = certificates.f1;
  texts = { RELAY: "relay.example:8443", RELAY_PEER: "f2", FUNCTION_CERT: cert, FUNCTION_KEY: key, FUNCTION_CA: ca };
});

afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

describe("the environment", () => {
  it("says all that connect needs", () => {
    const options = fromEnv(texts);
    expect(options).toMatchObject({ relay: "relay.example:8443", peer: "f2", identity: certificates.f1 });
    expect(planOf(options)).toMatchObject({ port: 443, transport: "raw", relayCa: certificates.f1.ca });
  });

  it("may give certificates and key as paths, or on one line", () => {
    const { cert, key, ca } = certificates.f1;
    const oneLine = key.replaceAll("\n", "\\n");
    const mixed = { ...texts, FUNCTION_CERT: file("f1.pem", cert), FUNCTION_KEY: oneLine, FUNCTION_CA: file("ca", ca) };
    expect(fromEnv(mixed).identity).toEqual(certificates.f1);
  });

  it("may say more, and an empty variable says nothing", () => {
    const { cert } = certificates.foreignF2;
    const more = { RELAY_CHANNEL: "job-7", RELAY_AS: "f1", RELAY_WAIT: "5", RELAY_TRANSPORT: "tls", RELAY_CA: cert };
    const expected = { channel: "job-7", as: "f1", wait: 5, transport: "tls", relayCa: cert, servername: "relay" };
    expect(fromEnv({ ...texts, ...more, RELAY_SERVERNAME: "relay" })).toMatchObject(expected);
    expect(fromEnv({ ...texts, RELAY_CHANNEL: "8080", RELAY_WAIT: "" })).toMatchObject({
      channel: 8080,
      wait: undefined,
    });
  });

  it("need not name a peer where that is said otherwise", () => {
    const { RELAY_PEER: _, ...rest } = texts;
    expect(relayFromEnv(rest)).not.toHaveProperty("peer");
    expect(() => fromEnv(rest)).toThrow("RELAY_PEER is not set");
  });

  it.each([
    ["RELAY", "", "is not set"],
    ["RELAY", "relay.example", "host:port"],
    ["RELAY_PEER", "f 2", "a name is"],
    ["RELAY_AS", "*", "a name is"],
    ["RELAY_CHANNEL", "two words", "a token"],
    ["RELAY_WAIT", "1m", "whole number of seconds"],
    ["RELAY_TRANSPORT", "udp", "raw or tls"],
    ["RELAY_CA", "-----BEGIN CERTIFICATE-----\nrubbish", "CA certificates"],
    ["FUNCTION_CERT", "/nowhere/f1.pem", "as a path cannot be read"],
    ["FUNCTION_CERT", "", "is not set"],
    ["FUNCTION_KEY", "-----BEGIN PRIVATE KEY-----\nrubbish", "the private key of FUNCTION_CERT"],
    ["FUNCTION_CA", import.meta.filename, "CA certificates"],
  ])("is refused by the variable's name: %s=%j", (variable, value, why) => {
    const read = (): unknown => fromEnv({ ...texts, [variable]: value });
    expect(read).toThrow(expect.objectContaining({ name: "EnvironmentError", variable }));
    expect(read).toThrow(new RegExp(`^${variable} `));
    expect(read).toThrow(why);
  });

  it("is refused where the key is another certificate's", () => {
    expect(() => fromEnv({ ...texts, FUNCTION_KEY: certificates.f2.key })).toThrow(
      /^FUNCTION_KEY .*key values mismatch/,
    );
  });
});
