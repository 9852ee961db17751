import { createPrivateKey, X509Certificate } from "node:crypto";
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { normalSerial, openAuthority, readCrl } from "@serverless-relay/pki";
import { describe, expect, it } from "vitest";
import { useShell } from "./relayctl.test-support.ts";

const shell = useShell();
const { relayctl } = shell;
const MADE = ["ca.key", "ca.pem", "crl.pem", "relay.key", "relay.pem", "relayd.yaml"];

async function read(path: string): Promise<string> {
  return await readFile(join(shell.dir, path), "utf8");
}

async function certificate(path: string): Promise<X509Certificate> {
  return new X509Certificate(await read(path));
}

describe("relayctl init", { timeout: 30_000 }, () => {
  it("makes an authority, a relay's certificate for this machine and a configuration, and says what is next", async () => {
    const ended = await relayctl("init --dir a/relay");
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    for (const file of MADE) expect(ended.stdout).toContain(file);
    expect(ended.stdout).toContain(`relayctl route add f1 f2 --socket ${shell.dir}/a/relay/run/relayd.sock`);
    expect((await readdir(join(shell.dir, "a/relay"))).sort()).toEqual(MADE);

    const relay = await certificate("a/relay/relay.pem");
    expect(relay.checkIssued(await certificate("a/relay/ca.pem"))).toBe(true);
    expect(relay.checkPrivateKey(createPrivateKey(await read("a/relay/relay.key")))).toBe(true);
    expect(relay.subjectAltName).toBe("DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1");
    for (const key of ["ca.key", "relay.key"]) {
      expect((await stat(join(shell.dir, "a/relay", key))).mode & 0o777).toBe(0o600);
    }
  });

  it("makes the certificate for the hosts asked for", async () => {
    const ended = await relayctl("init --host relay.example --dir . --host 192.0.2.7 --json");
    expect(JSON.parse(ended.stdout)).toMatchObject({
      dir: ".",
      config: "relayd.yaml",
      socket: `${shell.dir}/run/relayd.sock`,
    });
    expect((await certificate("relay.pem")).subjectAltName).toBe("DNS:relay.example, IP Address:192.0.2.7");
  });

  it.each(MADE)("leaves everything untouched where there is a %s already", async (file) => {
    await writeFile(join(shell.dir, file), "mine");
    const ended = await relayctl("init --dir .");
    expect(ended).toEqual({ code: 1, stdout: "", stderr: `relayctl: ${file} exists already: nothing was written\n` });
    expect(await read(file)).toBe("mine");
    expect(await visible(shell.dir)).toEqual([file]);
  });

  it("does not write through a dangling link", async () => {
    await symlink("elsewhere", join(shell.dir, "ca.key"));
    expect((await relayctl("init --dir .")).code).toBe(1);
    expect(await visible(shell.dir)).toEqual(["ca.key"]);
  });

  it("says what is wrong with a host, or a directory that cannot be one", async () => {
    const host = await relayctl("init --dir . --host relay:8443");
    expect(host).toMatchObject({ code: 1, stderr: expect.stringContaining('--host "relay:8443" is neither') });
    await writeFile(join(shell.dir, "file"), "");
    const taken = await relayctl("init --dir file --json");
    expect(taken.code).toBe(1);
    expect(JSON.parse(taken.stdout)).toMatchObject({ error: { code: "io", message: expect.stringContaining("file") } });
    const impossible = await relayctl("init --dir /proc/relay");
    expect(impossible).toMatchObject({ code: 1, stderr: expect.stringContaining("/proc") });
  });
});

describe("relayctl cert issue", { timeout: 30_000 }, () => {
  it("writes a function's certificate and key", async () => {
    await relayctl("init --dir .");
    const ended = await relayctl("cert issue f1 --dir . --name f1.example --days 30");
    expect(ended).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringContaining("f1.pem, f1.key: f1, f1.example"),
    });
    const f1 = await certificate("f1.pem");
    expect(f1.subjectAltName).toBe("DNS:f1, DNS:f1.example");
    expect(f1.checkIssued(await certificate("ca.pem"))).toBe(true);
    expect(f1.checkPrivateKey(createPrivateKey(await read("f1.key")))).toBe(true);
    expect(Math.round((f1.validToDate.getTime() - f1.validFromDate.getTime()) / 86_400_000)).toBe(30);
    expect((await stat(join(shell.dir, "f1.key"))).mode & 0o777).toBe(0o600);
  });

  it("says that a certificate ends with its authority, where it was to hold for longer", async () => {
    await relayctl("init --dir .");
    const long = await relayctl("cert issue f1 --dir . --days 99999");
    expect(long.stdout).toContain("it ends when the authority does, sooner than asked for");
    expect((await certificate("f1.pem")).validTo).toBe((await certificate("ca.pem")).validTo);
    expect((await relayctl("cert issue f2 --dir . --days 3000")).stdout).not.toContain("sooner");
  });

  it("names the files of a URI safely, or as told", async () => {
    await relayctl("init --dir .");
    const encoded = await relayctl("cert issue spiffe://example.org/f1 --dir . --json");
    expect(JSON.parse(encoded.stdout)).toMatchObject({
      names: ["spiffe://example.org/f1"],
      certificate: "spiffe%3A%2F%2Fexample.org%2Ff1.pem",
      key: "spiffe%3A%2F%2Fexample.org%2Ff1.key",
    });
    const told = await relayctl("cert issue spiffe://example.org/f1 --dir . --out f1 --name f1.example");
    expect(told.stdout).toContain("routes cannot name f1.example");
    expect((await certificate("f1.pem")).subjectAltName).toBe("DNS:f1.example, URI:spiffe://example.org/f1");
  });

  it("never overwrites", async () => {
    await relayctl("init --dir .");
    await writeFile(join(shell.dir, "f1.key"), "mine");
    for (const name of ["f1", "ca", "relay"]) {
      const ended = await relayctl(`cert issue ${name} --dir .`);
      expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining("nothing was written") });
    }
    expect(await read("f1.key")).toBe("mine");
    expect(await visible(shell.dir)).toEqual([...MADE, "f1.key"].sort());
  });

  it("asks for init where there is no authority", async () => {
    await mkdir(join(shell.dir, "sub"));
    const ended = await relayctl("cert issue f1 --dir sub");
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining("relayctl init --dir sub") });
  });

  it("says what is wrong with an authority", async () => {
    await relayctl("init --dir .");
    await chmod(join(shell.dir, "ca.key"), 0o600);
    await writeFile(join(shell.dir, "ca.key"), await read("relay.key"));
    const ended = await relayctl("cert issue f1 --dir . --json");
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.stdout).error).toMatchObject({
      code: "bad_authority",
      message: expect.stringContaining("not the one of its certificate"),
    });
  });

  it.each([
    ["a/b", 'relayctl: "a/b" cannot be a name: a name is'],
    ["f1 --name *.example", 'relayctl: "*.example" cannot be a name: a name is'],
    ["spiffe://a/b --name spiffe://a/c", "relayctl: a certificate with a SPIFFE ID bears no other URI"],
    ["f1 --out ../f1", 'relayctl: --out "../f1" has to be a file name'],
  ])("refuses %s", async (words, message) => {
    const ended = await relayctl(`cert issue ${words} --dir .`);
    expect(ended).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining(message) });
  });
});

describe("relayctl cert revoke, and list", { timeout: 30_000 }, () => {
  const revokedIn = async (dir = ".") => {
    const authority = await openAuthority(await read(join(dir, "ca.pem")), await read(join(dir, "ca.key")));
    return await readCrl(await read(join(dir, "crl.pem")), authority);
  };
  const serialOf = async (path: string) => normalSerial((await certificate(path)).serialNumber);

  it("init begins with a list of nobody, that holds for as long as the authority", async () => {
    await relayctl("init --dir .");
    const { revoked, nextUpdate } = await revokedIn();
    expect(revoked).toEqual([]);
    expect(nextUpdate).toEqual((await certificate("ca.pem")).validToDate);
  });

  it("revokes all certificates of a name, one by its file, and one by its serial number", async () => {
    await relayctl("init --dir .");
    for (const words of ["f1", "f1 --out f1-again", "f2", "f3", "f4"]) await relayctl(`cert issue ${words} --dir .`);
    const byName = await relayctl("cert revoke f1 --dir . --json");
    const serials = [await serialOf("f1.pem"), await serialOf("f1-again.pem")];
    expect(JSON.parse(byName.stdout)).toEqual({
      revoked: serials.map((serial) => ({ serial, names: ["f1"] })),
      crl: "crl.pem",
      named: true,
    });
    const byFile = await relayctl("cert revoke f2.pem --dir .");
    expect(byFile).toMatchObject({
      code: 0,
      stderr: "",
      stdout: `revoked ${await serialOf("f2.pem")}: f2\nwritten crl.pem\n`,
    });
    await relayctl(`cert revoke ${(await serialOf("f3.pem")).toLowerCase()} --dir .`);
    const all = [...serials, await serialOf("f2.pem"), await serialOf("f3.pem")];
    expect((await revokedIn()).revoked.map(({ serial }) => serial).sort()).toEqual(all.sort());

    const list = JSON.parse((await relayctl("cert list --dir . --json")).stdout).certificates;
    expect(list.map(({ file, state }: { file: string; state: string }) => `${file} ${state}`)).toEqual([
      "f1.pem revoked",
      "f1-again.pem revoked",
      "f2.pem revoked",
      "f3.pem revoked",
      "f4.pem good",
    ]);
    expect((await relayctl("cert list --dir .")).stdout).toMatch(
      /^NAMES {2}SERIAL .*\nf1 .* revoked \d{4}-\d\d-\d\d\n/,
    );
  });

  it("does not revoke the authority itself, by its file or its serial number: everybody would be refused", async () => {
    await relayctl("init --dir .");
    for (const what of ["ca.pem", await serialOf("ca.pem")]) {
      expect((await relayctl(`cert revoke ${what} --dir .`)).stderr).toMatch(
        /^relayctl: .*: is the authority of .* itself, which cannot revoke itself; /,
      );
    }
    expect((await revokedIn()).revoked).toEqual([]);
  });

  it("loses nobody when several are revoked at the same time, nor when the ledger is lost", async () => {
    await relayctl("init --dir .");
    const names = ["f1", "f2", "f3", "f4"];
    for (const name of names) await relayctl(`cert issue ${name} --dir .`);
    await Promise.all(names.slice(0, 3).map((name) => relayctl(`cert revoke ${name} --dir .`)));
    expect((await revokedIn()).revoked).toHaveLength(3);
    await rm(join(shell.dir, "issued.jsonl"));
    await relayctl("cert revoke f4.pem --dir .");
    expect((await revokedIn()).revoked).toHaveLength(4);
  });

  it("says if relayd.yaml does not name the list yet", async () => {
    await relayctl("init --dir .");
    await relayctl("cert issue f1 --dir .");
    await writeFile(
      join(shell.dir, "relayd.yaml"),
      (await read("relayd.yaml")).replace("  crl: crl.pem", "  # crl: crl.pem"),
    );
    expect((await relayctl("cert revoke f1 --dir .")).stdout).toContain("note: relayd.yaml does not name it");
  });

  it("writes a list anew that is about to run out, when it issues", async () => {
    await relayctl("init --dir .");
    const authority = await openAuthority(await read("ca.pem"), await read("ca.key"));
    await writeFile(
      join(shell.dir, "crl.pem"),
      await authority.crl({ revoked: [{ serial: "1234" }], nextUpdate: new Date(Date.now() + 86_400_000) }),
    );
    await relayctl("cert issue f1 --dir .");
    expect(await revokedIn()).toMatchObject({ revoked: [{ serial: "1234" }], nextUpdate: authority.notAfter });
  });

  it.each([
    ["f9", "nothing that was issued in . is called f9; name a function, a certificate's file, or a serial number"],
    ["relay.key", "nothing that was issued"],
    ["./relay.key", "holds no certificate in PEM; name NAME.pem, not NAME.key"],
    ["stranger.pem", "was not issued by the authority in ."],
  ])("refuses %s", async (what, message) => {
    await relayctl("init --dir .");
    await relayctl("init --dir elsewhere");
    await writeFile(join(shell.dir, "stranger.pem"), await read("elsewhere/relay.pem"));
    const ended = await relayctl(`cert revoke ${what} --dir .`);
    expect(ended).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining(message) });
    expect((await revokedIn()).revoked).toEqual([]);
  });
});

/** What is in the directory, but for the compile cache. */
async function visible(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter((name) => !name.startsWith(".")).sort();
}
