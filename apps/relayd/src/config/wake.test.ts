import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority } from "@serverless-relay/pki";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigError } from "./config-error.ts";
import { loadMaterials } from "./files.ts";
import { loadConfig } from "./load.ts";

const authority = await createAuthority({ commonName: "CA" });
const relay = await authority.issueRelay({ hosts: ["relay.example"] });

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "relayd-wake-config-"));
  const files = { "relay.pem": relay.certPem, "relay.key": relay.keyPem, "ca.pem": authority.certPem };
  for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text, { mode: 0o600 });
});
afterEach(() => rm(cwd, { recursive: true }));

async function load(more: string) {
  const least = `listen: { shared: 127.0.0.1:8443 }
tls: { cert: relay.pem, key: relay.key, ca: ca.pem }
control: { socket: run/relayd.sock }
state: { dir: state }
`;
  await writeFile(join(cwd, "relayd.yaml"), least + more);
  const loaded = await loadConfig("relayd.yaml", { cwd, env: {} });
  await loadMaterials(loaded);
  return loaded.config;
}

describe("the section wake", () => {
  it("allows URLs as they are compared, with paths from the place of the file, and has defaults", async () => {
    await writeFile(join(cwd, "token"), "abc");
    const { wake } = await load(
      'wake: { allow: [HTTPS://F2.example:443, { url: "http://127.0.0.1:80/f/", token: token }] }',
    );
    expect(wake).toEqual({
      allow: [{ url: "https://f2.example/" }, { url: "http://127.0.0.1/f/", token: join(cwd, "token") }],
      after: 200,
      timeout: 30_000,
      again: 30_000,
      invocation: 900_000,
      requests: 256,
      requestsPerRoute: 32,
    });
  });

  it("has routes' hooks by the names of their functions", async () => {
    const wake = "wake: { allow: [https://f2.example/] }\n";
    const { routes } = await load(`${wake}routes: [{ between: [f2, f1], wake: { f2: https://f2.example/wake } }]`);
    expect(routes).toMatchObject([{ f1: "f2", f2: "f1", wake: { f1: "https://f2.example/wake", f2: undefined } }]);
  });

  it.each([
    ["wake: {}", "wake.allow: is missing; add allow: [https://f2.example/]"],
    ["wake: { allow: https://f2.example/ }", 'is "https://f2.example/"; write a list of URLs'],
    ["wake: { allow: [f2.example] }", '"f2.example" is no URL of HTTP; write one such as https://f2.example/'],
    ["wake: { allow: ['https://me:secret@f2.example/'] }", "holds a password"],
    ["wake: { allow: [], tokens: x }", "wake.tokens: is not a known key"],
    ["wake: { allow: [{ url: https://f2.example/, token: nowhere }] }", "wake.allow[0].token"],
    ["wake: { allow: [{ url: https://f2.example/, signingKey: ca.pem }] }", "holds no signing key; write whsec_"],
    ["wake: { allow: [{ url: https://f2.example/, ca: relay.key }] }", "holds no certificate; write those"],
    [
      "routes: [{ between: [f1, f2], wake: { f2: https://f2.example/ } }]",
      "routes[0].wake.f2: https://f2.example/ is not allowed by wake.allow; name it",
    ],
    ["routes: [{ between: [f1, f2], wake: { f3: https://f2.example/ } }]", "is neither f1 nor f2; name one of the two"],
    ["routes: [{ between: [f1, f2], wake: https://f2.example/ }]", "write { f2: https://f2.example/ }"],
  ])("%s is explained", async (text, why) => {
    const error = await load(text).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).problems.join("\n")).toContain(why);
    expect((error as ConfigError).problems).toHaveLength(1);
  });
});
