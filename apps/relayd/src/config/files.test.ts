import { createPrivateKey } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { createAuthority } from "@serverless-relay/pki";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigError } from "./config-error.ts";
import { loadMaterials, type Materials } from "./files.ts";
import { loadConfig } from "./load.ts";

const DAY_MS = 86_400_000;
const NOW = new Date();
const inDays = (days: number) => new Date(NOW.getTime() + days * DAY_MS);

const authority = await createAuthority({ commonName: "CA one" });
const other = await createAuthority({ commonName: "CA two" });
const relay = await authority.issueRelay({ hosts: ["relay.example"] });

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "relayd-files-"));
  await write({ "relay.pem": relay.certPem, "ca.pem": authority.certPem });
  await write({ "relay.key": relay.keyPem });
});
afterEach(async () => {
  await rm(cwd, { recursive: true });
});

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text, { mode: 0o600 });
}

interface Places {
  readonly crl?: string;
  readonly socket?: string;
  readonly dir?: string;
}

async function check(
  { crl, socket = "run/relayd.sock", dir = "state" }: Places = {},
  inForce: Materials | null = null,
): Promise<Materials> {
  const text = `listen: { shared: 127.0.0.1:0 }
tls:
  cert: relay.pem
  key: relay.key
  ca: ca.pem
${crl === undefined ? "" : `  crl: ${crl}`}
control: { socket: ${socket} }
state: { dir: ${dir} }
`;
  await write({ "relayd.yaml": text });
  const loaded = await loadConfig("relayd.yaml", { cwd, env: {} });
  return await loadMaterials(loaded, NOW, inForce && { config: loaded.config, materials: inForce });
}

async function problemsOf(places?: Places): Promise<readonly string[]> {
  const error = await check(places).then(
    () => null,
    (error: unknown) => error,
  );
  if (error instanceof ConfigError) return error.problems;
  throw new Error("no ConfigError", { cause: error });
}

describe("files in order", () => {
  it("become what node:tls takes, and facts for status, with no warning and nothing made", async () => {
    const materials = await check();
    expect(() => createSecureContext({ cert: materials.cert, key: materials.key, ca: materials.ca })).not.toThrow();
    expect(materials.crl).toBeUndefined();
    expect(materials.warnings).toEqual([]);
    expect(materials.certificates).toMatchObject([
      { use: "relay", file: join(cwd, "relay.pem"), subject: "CN=relay.example" },
      { use: "ca", file: join(cwd, "ca.pem"), subject: "CN=CA one" },
    ]);
    expect((await readdir(cwd)).toSorted()).toEqual(["ca.pem", "relay.key", "relay.pem", "relayd.yaml"]);
  });

  it("may hold several certificates, with text between them", async () => {
    await write({
      "relay.pem": `the leaf\n${relay.certPem}its issuer\n${authority.certPem}`,
      "ca.pem": `${authority.certPem}\n${other.certPem.trimEnd()}`,
    });
    const { certificates, ca } = await check();
    expect(certificates.map(({ use, subject }) => `${use} ${subject}`)).toEqual([
      "relay CN=relay.example",
      "relay CN=CA one",
      "ca CN=CA one",
      "ca CN=CA two",
    ]);
    expect(ca).toBe(authority.certPem + other.certPem);
  });
});

describe("a file that cannot be used", () => {
  it("is named with its place in the configuration, and all of them at once", async () => {
    await rm(join(cwd, "relay.pem"));
    await rm(join(cwd, "ca.pem"));
    await rm(join(cwd, "relay.key"));
    await mkdir(join(cwd, "relay.key"));
    await expect(problemsOf({ crl: "relayd.yaml/crl.pem" })).resolves.toEqual([
      `relayd.yaml:3:9 tls.cert ${join(cwd, "relay.pem")}: no such file; correct the path or make the file`,
      `relayd.yaml:4:8 tls.key ${join(cwd, "relay.key")}: is a directory; name a file`,
      `relayd.yaml:5:7 tls.ca ${join(cwd, "ca.pem")}: no such file; correct the path or make the file`,
      `relayd.yaml:6:8 tls.crl ${join(cwd, "relayd.yaml/crl.pem")}: no such file, for a part of its path is not a directory; correct the path`,
    ]);
  });

  const damaged = relay.certPem.replace(/\n.{20}/, `\n${"A".repeat(20)}`);
  const encrypted = createPrivateKey(relay.keyPem)
    .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" })
    .toString();
  it.each<[string, Readonly<Record<string, string>>, RegExp]>([
    [
      "the key of another certificate",
      { "relay.key": other.keyPem },
      /tls\.key .*relay\.key: is not the key of the certificate in .*relay\.pem; /,
    ],
    [
      "a key for a certificate",
      { "relay.pem": relay.keyPem },
      /tls\.cert .*: holds PRIVATE KEY; name a file with a CERTIFICATE/,
    ],
    [
      "a certificate for a key",
      { "relay.key": relay.certPem },
      /tls\.key .*: holds CERTIFICATE; name a file with a PRIVATE KEY/,
    ],
    ["an empty file", { "ca.pem": "\n" }, /tls\.ca .*: is empty; name a file/],
    ["something else", { "ca.pem": "hello" }, /tls\.ca .*: is not PEM; name a file/],
    [
      "a half-written file",
      { "ca.pem": authority.certPem.slice(0, 200) },
      /tls\.ca .*: is cut off in the middle of a block; copy/,
    ],
    [
      "a file whose second part is half-written",
      { "ca.pem": authority.certPem + other.certPem.slice(0, 200) },
      /tls\.ca .*: is cut off in the middle of a block; copy/,
    ],
    [
      "a damaged certificate",
      { "relay.pem": damaged },
      /tls\.cert .*: certificate 1 of 1 is damaged \(.*\); copy it again/,
    ],
    [
      "a damaged key",
      { "relay.key": relay.keyPem.replace(/\n.{20}/, "\n") },
      /tls\.key .*: the private key is damaged/,
    ],
    ["an encrypted key", { "relay.key": encrypted }, /tls\.key .*: is encrypted, and relayd cannot ask/],
  ])("%s", async (_name, files, expected) => {
    await write(files);
    const problems = await problemsOf();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(expected);
  });
});

describe("what relayd can live with", () => {
  it.each([
    [-1, /tls\.cert .*relay\.pem: CN=relay ran out on .*, so clients that verify the relay turn away; renew it$/],
    [3.5, /tls\.cert .*relay\.pem: CN=relay runs out on .*, in 3 days; renew it before$/],
  ])("a certificate that ends in %d days is a warning", async (days, expected) => {
    const usages = ["serverAuth"] as const;
    const dates = { notBefore: inDays(-9), notAfter: inDays(days) };
    const brief = await authority.issue({ commonName: "relay", usages, ...dates });
    await write({ "relay.pem": brief.certPem, "relay.key": brief.keyPem });
    const { warnings } = await check();
    expect(warnings).toEqual([expect.stringMatching(expected)]);
  });

  it("so is one that is not valid yet, or not for servers, or has no name", async () => {
    const odd = await authority.issue({ dnsNames: ["relay"], usages: ["clientAuth"], notBefore: inDays(1) });
    await write({ "relay.pem": odd.certPem, "relay.key": odd.keyPem });
    const { warnings, certificates } = await check();
    expect(warnings.join("\n")).toMatch(
      /is not for TLS servers, .*\n.*DNS:relay is not valid before .*; check the clock\n.* is for TLS clients, /,
    );
    expect(certificates[0]).toMatchObject({ subject: "DNS:relay" });
  });

  it("so is one with which the relay could pose as a function, but for SPIFFE's, which all are so", async () => {
    const usages = ["serverAuth", "clientAuth"] as const;
    const both = await authority.issue({ dnsNames: ["relay"], usages });
    await write({ "relay.pem": both.certPem, "relay.key": both.keyPem });
    expect((await check()).warnings).toEqual([
      expect.stringMatching(/tls\.cert .*relay\.pem: is for TLS clients, .* issue one with serverAuth alone$/),
    ]);
    const svid = await authority.issue({ uris: ["spiffe://example.org/relay"], usages });
    await write({ "relay.pem": svid.certPem, "relay.key": svid.keyPem });
    expect((await check()).warnings).toEqual([]);
  });

  it("so is a leaf among the CAs, and a key that everybody may read", async () => {
    await write({ "ca.pem": authority.certPem + relay.certPem });
    await chmod(join(cwd, "relay.key"), 0o644);
    const { warnings } = await check();
    expect(warnings).toEqual([
      expect.stringMatching(/tls\.key .*relay\.key: can be read by every user of this machine; chmod 600 it$/),
      expect.stringMatching(/tls\.ca .*ca\.pem: CN=relay\.example is not a CA, /),
    ]);
  });
});

describe("a running relay does not take up", () => {
  const problems = async (places: Places, inForce: Materials) => {
    const error = await check(places, inForce).catch((error: unknown) => error);
    return error instanceof ConfigError ? error.problems : [];
  };

  it("a CRL that has run out, unless it lives with that very one already", async () => {
    const old = await authority.crl({ revoked: [], thisUpdate: inDays(-9), nextUpdate: inDays(-1) });
    await write({ "crl.pem": await authority.crl({ revoked: [], thisUpdate: NOW }) });
    const good = await check({ crl: "crl.pem" });
    await write({ "crl.pem": old });
    expect(await problems({ crl: "crl.pem" }, good)).toEqual([
      expect.stringMatching(
        /tls\.crl .*: the CRL of CN=CA one ran out on .*, so every function is refused; have the CA /,
      ),
    ]);
    const started = await check({ crl: "crl.pem" });
    expect(await problems({ crl: "crl.pem" }, started)).toEqual([]);
  });

  it("CRLs that lack one of the CAs, as a file does that is only half written", async () => {
    const [one, two] = [
      await authority.crl({ revoked: [], thisUpdate: NOW }),
      await other.crl({ revoked: [], thisUpdate: NOW }),
    ];
    await write({ "ca.pem": authority.certPem + other.certPem, "crl.pem": one + two });
    const good = await check({ crl: "crl.pem" });
    await write({ "crl.pem": one });
    expect(await problems({ crl: "crl.pem" }, good)).toEqual([
      expect.stringMatching(/holds no CRL of the CA CN=CA two/),
    ]);
  });

  it("a certificate of its own that has run out", async () => {
    const good = await check();
    const old = await authority.issueRelay({ hosts: ["relay.example"], notBefore: inDays(-9), notAfter: inDays(-1) });
    await write({ "relay.pem": old.certPem, "relay.key": old.keyPem });
    expect(await problems({}, good)).toEqual([expect.stringMatching(/tls\.cert .*: CN=relay.example ran out on /)]);
  });
});

describe("revocation lists", () => {
  it("come apart, for node:tls reads only the first of a text", async () => {
    const lists = [
      await authority.crl({ revoked: [], thisUpdate: NOW }),
      await other.crl({ revoked: [], thisUpdate: NOW }),
    ];
    await write({ "ca.pem": authority.certPem + other.certPem, "crl.pem": lists.join("") });
    const { crl, certificates, warnings } = await check({ crl: "crl.pem" });
    expect(crl).toEqual(lists);
    expect(warnings).toEqual([]);
    expect(certificates.slice(3)).toMatchObject([
      { use: "crl", file: join(cwd, "crl.pem"), subject: "CN=CA one" },
      { use: "crl", subject: "CN=CA two" },
    ]);
  });

  it("that ran out, are missing, or are of a stranger, are warnings", async () => {
    const old = await authority.crl({ revoked: [], thisUpdate: inDays(-9), nextUpdate: inDays(-1) });
    await write({ "crl.pem": old });
    const expired = (await check({ crl: "crl.pem" })).warnings;
    expect(expired).toEqual([
      expect.stringMatching(/tls\.crl .*: the CRL of CN=CA one ran out on .*, so every function is refused; /),
    ]);

    await write({ "crl.pem": await other.crl({ revoked: [], thisUpdate: NOW }) });
    const strange = (await check({ crl: "crl.pem" })).warnings;
    expect(strange).toEqual([
      expect.stringMatching(/holds no CRL of the CA CN=CA one, so its functions are all refused; add its CRL$/),
      expect.stringMatching(/holds a CRL of CN=CA two, which is none of the CAs; /),
    ]);
  });

  it.each([
    [
      "with another label",
      (list: string) => list.replaceAll("X509 CRL", "CRL"),
      /holds CRL; name a file with an X509 CRL/,
    ],
    [
      "that are damaged",
      (list: string) => list.replace(/\n.{20}/, "\nAAAA"),
      /CRL 1 of 1 is damaged; have the CA write it again/,
    ],
  ])("%s are not taken", async (_name, spoil, expected) => {
    await write({ "crl.pem": spoil(await authority.crl({ revoked: [], thisUpdate: NOW })) });
    const [problem] = await problemsOf({ crl: "crl.pem" });
    expect(problem).toMatch(expected);
  });
});

describe("places to write to", () => {
  it("a socket's path that is too long is counted", async () => {
    const [problem] = await problemsOf({ socket: `/tmp/${"x".repeat(103)}` });
    expect(problem).toMatch(
      /^relayd\.yaml:7:20 control\.socket \/tmp\/x+: has 108 bytes, and .* 107 at most; choose a shorter path$/,
    );
    await expect(check({ socket: `/tmp/${"x".repeat(102)}` })).resolves.toBeDefined();
  });

  it("a file where a directory is needed, and a file system that takes nothing, are named", async () => {
    await expect(problemsOf({ dir: "ca.pem/state", socket: "ca.pem/run/relayd.sock" })).resolves.toEqual([
      `relayd.yaml:7:20 control.socket ${join(cwd, "ca.pem/run/relayd.sock")}: ${join(cwd, "ca.pem")} is not a directory; choose another place`,
      `relayd.yaml:8:15 state.dir ${join(cwd, "ca.pem/state")}: ${join(cwd, "ca.pem")} is not a directory; choose another place`,
    ]);
    const [problem] = await problemsOf({ dir: "/proc/relayd/state" });
    expect(problem).toMatch(/state\.dir \/proc\/relayd\/state: cannot be made in \/proc: /);
  });
});
