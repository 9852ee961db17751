import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAuthority } from "./index.ts";

const run = promisify(execFile);
const available = spawnSync("openssl", ["version"]).status === 0;

// A second opinion, and a stricter one: -x509_strict holds certificates to the letter of RFC 5280.
describe.runIf(available)("the openssl command", () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "relay-pki-"));
  });
  afterAll(async () => {
    await rm(dir, { recursive: true });
  });

  it("finds nothing to object to, in its strictest mode", async () => {
    const authority = await createAuthority({ commonName: "strict CA" });
    const relay = await authority.issueRelay({ hosts: ["localhost", "::1"] });
    const named = await authority.issueFunction({ names: ["f1"] });
    const long = await authority.issueFunction({ names: [`spiffe://example.org/${"x".repeat(400)}`] });
    const revoked = [{ serial: "01" }, { certPem: long.certPem }];
    const files = {
      "ca.pem": authority.certPem,
      "relay.pem": relay.certPem,
      "f1.pem": named.certPem,
      "long.pem": long.certPem,
      "crl.pem": await authority.crl({ revoked }),
    };
    for (const [name, content] of Object.entries(files)) await writeFile(join(dir, name), content);

    const verify = ["verify", "-x509_strict", "-check_ss_sig", "-CAfile", "ca.pem"];
    const options = { cwd: dir };
    await run("openssl", [...verify, "-purpose", "sslserver", "relay.pem", "f1.pem", "long.pem"], options);
    await run("openssl", [...verify, "-purpose", "sslclient", "f1.pem", "long.pem"], options);
    await run("openssl", [...verify, "-crl_check", "-CRLfile", "crl.pem", "f1.pem"], options);
    await expect(run("openssl", [...verify, "-purpose", "sslclient", "relay.pem"], options)).rejects.toThrow();
    const withCrl = run("openssl", [...verify, "-crl_check", "-CRLfile", "crl.pem", "long.pem"], options);
    await expect(withCrl).rejects.toMatchObject({ stderr: expect.stringContaining("certificate revoked") });
  });
});
