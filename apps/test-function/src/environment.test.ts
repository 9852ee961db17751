import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority } from "@serverless-relay/pki";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readEnvironment } from "./environment.ts";

let directory: string;
let tls: Record<string, string>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "test-function-"));
  const authority = await createAuthority({ commonName: "test" });
  const { certPem, keyPem } = await authority.issueFunction({ names: ["f1"] });
  const files = { "f1.pem": certPem, "f1.key": keyPem, "ca.pem": authority.certPem };
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  const path = (name: string): string => join(directory, name);
  const paths = { FUNCTION_CERT: path("f1.pem"), FUNCTION_KEY: path("f1.key"), FUNCTION_CA: path("ca.pem") };
  tls = { MODE: "flock_tls_client", TARGET: "relay:8443", PEER: "f2", ...paths };
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

describe("the environment", () => {
  it("needs no more than a target for a plain conversation", () => {
    expect(readEnvironment({ TARGET: "[::1]:9000", MODE: "" })).toEqual({
      mode: null,
      name: "function",
      target: { host: "::1", port: 9000 },
      message: "hello from function",
      rounds: 1,
      interval: 1000,
    });
  });

  it("says everything else, too", () => {
    const more = { MESSAGE: "hi", ROUNDS: "0", INTERVAL: "2s", CHANNEL: "job-1", TRANSPORT: "tls", WAIT: "7" };
    expect(readEnvironment({ ...tls, ...more })).toMatchObject({
      mode: "flock_tls_client",
      name: "f1",
      peer: "f2",
      message: "hi",
      rounds: 0,
      interval: 2000,
      channel: "job-1",
      transport: "tls",
      wait: 7,
    });
    expect(readEnvironment({ ...tls, INTERVAL: "500ms", CHANNEL: "8080" })).toMatchObject({
      interval: 500,
      channel: 8080,
    });
  });

  it.each([
    ["TARGET", undefined, "is not set"],
    ["TARGET", "relay", "host:port"],
    ["TARGET", "relay:99999", "host:port"],
    ["MODE", "udp", "flock_tls_client"],
    ["PEER", "", "is not set"],
    ["PEER", "f 2", "a name is"],
    ["FUNCTION_CERT", undefined, "is not set"],
    ["FUNCTION_KEY", "/does/not/exist", "no such file"],
    ["FUNCTION_KEY", import.meta.filename, "private key of FUNCTION_CERT"],
    ["FUNCTION_CA", import.meta.filename, "a CA certificate in PEM"],
    ["MESSAGE", "two\nlines", "line break"],
    ["ROUNDS", "-1", "whole number"],
    ["INTERVAL", "soon", "500ms"],
    ["INTERVAL", "9999999999", "500ms"],
    ["CHANNEL", "70000", "port"],
    ["CHANNEL", "two words", "token"],
    ["TRANSPORT", "udp", "raw or tls"],
    ["WAIT", "1.5", "whole number"],
  ])("is refused by the variable's name: %s %j", (variable, value, why) => {
    const read = (): unknown => readEnvironment({ ...tls, [variable]: value });
    expect(read).toThrow(new RegExp(`^${variable} `));
    expect(read).toThrow(why);
  });
});
