import { chmod, mkdir, readdir } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { commandOf, type Finished, RunningRelay, run, runCommand } from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const GOOD = `listen: { shared: 127.0.0.1:0 }
tls:
  cert: relay.pem
  key: relay.key
  ca: ca.pem
control: { socket: run/relayd.sock }
state: { dir: state }
`;

let relay: RunningRelay;

beforeAll(async () => {
  relay = await RunningRelay.prepare();
  const other = await relay.authority.issueRelay({ hosts: ["localhost"] });
  await relay.write("other.key", other.keyPem);
  await relay.write("not-a-certificate.pem", "hello\n");
});

afterAll(() => relay.discard());

/** Runs relayd on this configuration until it ends; it must end by itself. */
async function tryOn(yaml: string, ...flags: string[]): Promise<Finished> {
  await relay.write("relayd.yaml", yaml);
  return relay.relayd("--config", "relayd.yaml", ...flags);
}

describe("relayd says which line, column and key is wrong, and what to do, and exits with 78:", () => {
  it.each([
    [
      "a certificate that is not there",
      GOOD.replace("cert: relay.pem", "cert: absent.pem"),
      /^relayd\.yaml:3:9 tls\.cert \/.*\/absent\.pem: no such file; correct the path or make the file$/,
    ],
    [
      "a key that is not there, all on one line",
      GOOD.replace(/tls:\n.*ca: ca.pem/s, "tls: { cert: relay.pem, key: absent.key, ca: ca.pem }"),
      /^relayd\.yaml:2:30 tls\.key \/.*\/absent\.key: no such file/,
    ],
    [
      "a file that holds no certificate",
      GOOD.replace("ca: ca.pem", "ca: not-a-certificate.pem"),
      /^relayd\.yaml:5:7 tls\.ca \/.*\/not-a-certificate\.pem: .*CERTIFICATE/,
    ],
    [
      "the key of another certificate",
      GOOD.replace("key: relay.key", "key: other.key"),
      /^relayd\.yaml:4:8 tls\.key \/.*\/other\.key: is not the key of the certificate in \/.*\/relay\.pem; name the key/,
    ],
    [
      "an unknown key",
      `${GOOD}pairing: { maxwait: 5m }\n`,
      /^relayd\.yaml:8:12 pairing\.maxwait: .*did you mean maxWait\?$/,
    ],
    [
      "an unknown key that is known elsewhere",
      `${GOOD}shared: 127.0.0.1:1\n`,
      /^relayd\.yaml:8:1 shared: .*did you mean listen\.shared\?$/,
    ],
    ["a wrong type", `${GOOD}pairing: { wait: 60 }\n`, /^relayd\.yaml:8:18 pairing\.wait: 60 has no unit; write 60s$/],
    [
      "a list where a group belongs",
      GOOD.replace("{ dir: state }", "[state]"),
      /^relayd\.yaml:7:8 state: is a list; write state: \{/,
    ],
    ["a key that is missing", GOOD.replace("  ca: ca.pem\n", ""), /^relayd\.yaml:3:3 tls\.ca: is missing; add /],
    [
      "an address without a port",
      GOOD.replace("127.0.0.1:0", "127.0.0.1"),
      /^relayd\.yaml:1:19 listen\.shared: "127\.0\.0\.1" is not an address; write host:port/,
    ],
    [
      "a wait longer than the longest",
      `${GOOD}pairing: { wait: 10m, maxWait: 5m }\n`,
      /^relayd\.yaml:8:18 pairing\.wait: is longer than pairing\.maxWait/,
    ],
    [
      "a name that no function can have",
      `${GOOD}routes: [ { between: [f1, "*"] } ]\n`,
      /^relayd\.yaml:8:27 routes\[0\]\.between\[1\]: "\*" is not a function's name; a name is/,
    ],
    [
      "plain listeners for everybody to reach",
      GOOD.replace(" }", ", perRoute: { host: 0.0.0.0, ports: 20000-20001, protocol: plain } }"),
      /^relayd\.yaml:1:\d+ listen\.perRoute\.protocol: plain verifies nobody and 0\.0\.0\.0 is not loopback/,
    ],
    ["broken YAML", GOOD.replace("ca: ca.pem", "ca: [ca.pem"), /^relayd\.yaml:\d+:\d+: .+; .+$/],
    ["an empty file", "", /^relayd\.yaml:1:1: the file is empty; see relayd --help$/],
  ])("%s", async (_what, yaml, message) => {
    for (const { code, stdout, stderr } of await Promise.all([tryOn(yaml), tryOn(yaml, "--check")])) {
      expect(stderr.trimEnd().split("\n")).toEqual([expect.stringMatching(message)]);
      expect({ code, stdout }).toEqual({ code: 78, stdout: "" });
    }
  });

  it("and everything that is wrong, at once", async () => {
    const { code, stderr } = await tryOn(GOOD.replace("relay.pem", "absent.pem").replace("ca: ca.pem", "ca: none.pem"));
    expect(stderr.match(/no such file/g)).toHaveLength(2);
    expect(code).toBe(78);
  });
});

describe("a state directory that cannot be written to", () => {
  it("for a file is in its place", async () => {
    const { code, stderr } = await tryOn(GOOD.replace("dir: state", "dir: ca.pem/state"));
    expect(stderr).toMatch(
      /^relayd\.yaml:7:15 state\.dir \/.*\/ca\.pem\/state: .*ca\.pem is not a directory; choose another place\n$/,
    );
    expect(code).toBe(78);
  });

  it("for its user may not", async () => {
    await mkdir(join(relay.directory, "locked"));
    await chmod(join(relay.directory, "locked"), 0o500);
    await relay.write("relayd.yaml", GOOD.replace("dir: state", "dir: locked/state"));
    const { code, stderr } = await runWithoutPrivileges(...commandOf("relayd"), "--config", "relayd.yaml");
    expect(stderr).toMatch(
      /^relayd\.yaml:7:15 state\.dir \/.*\/locked\/state: cannot be made in .*\/locked: permission denied; let /,
    );
    expect(code).toBe(78);
    expect(await readdir(join(relay.directory, "locked"))).toEqual([]);
  });
});

it("a port that is taken: says which, and exits with 69", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const { code, stderr } = await tryOn(GOOD.replace("127.0.0.1:0", `127.0.0.1:${port}`));
  server.close();
  expect(stderr).toBe(
    `listen.shared 127.0.0.1:${port}: the port is taken by another process; stop that one, or choose another port\n`,
  );
  expect(code).toBe(69);
  expect(await readdir(join(relay.directory, "run"))).toEqual([]);
});

it("a port that this user may not bind: says so, and exits with 77", async () => {
  await relay.write("relayd.yaml", GOOD.replace("127.0.0.1:0", "127.0.0.1:1"));
  const { code, stderr } = await runWithoutPrivileges(...commandOf("relayd"), "--config", "relayd.yaml");
  expect(stderr).toBe(
    "listen.shared 127.0.0.1:1: this user may not bind the port; choose one above 1023, or grant CAP_NET_BIND_SERVICE\n",
  );
  expect(code).toBe(77);
});

it("no configuration at all: says where it looked", async () => {
  await mkdir(join(relay.directory, "empty"));
  const empty = join(relay.directory, "empty");
  const { code, stderr } = await run("relayd", [], { cwd: empty, env: { XDG_CONFIG_HOME: empty } });
  expect(stderr).toContain(`no configuration found; tried ${empty}/relayd.yaml, ${empty}/relayd/relayd.yaml, /etc/`);
  expect(stderr).toMatch(/; name one with --config FILE\n$/);
  expect(code).toBe(78);
});

it("--check finds nothing wrong with a good one, and starts nothing", async () => {
  const before = await readdir(relay.directory);
  expect(await tryOn(GOOD, "--check")).toEqual({
    code: 0,
    stdout: `${join(relay.directory, "relayd.yaml")} is fine\n`,
    stderr: "",
  });
  expect(await readdir(relay.directory)).toEqual(before);
});

it("--help and --version answer and exit with 0, wrong arguments with 64", async () => {
  const help = await relay.relayd("--help");
  expect(help).toMatchObject({ code: 0, stderr: "" });
  for (const word of ["--config FILE", "--check", "--version", "SIGTERM", "EXIT CODES"])
    expect(help.stdout).toContain(word);
  expect(await relay.relayd("--version")).toEqual({
    code: 0,
    stderr: "",
    stdout: expect.stringMatching(/^relayd \d+\.\d+\.\d+\n$/),
  });
  for (const wrong of [["--confg", "x"], ["relayd.yaml"], ["--config"]]) {
    const { code, stdout, stderr } = await relay.relayd(...wrong);
    expect({ code, stdout }).toEqual({ code: 64, stdout: "" });
    expect(stderr).toMatch(/^relayd: .+\nTry: relayd --help\n$/);
  }
});

/** Root may write anywhere: what makes it so is taken from it. */
function runWithoutPrivileges(command: string, ...args: string[]): Promise<Finished> {
  const cwd = relay.directory;
  if (process.getuid?.() !== 0) return runCommand(command, args, { cwd });
  return runCommand("setpriv", ["--bounding-set=-dac_override,-dac_read_search,-net_bind_service", command, ...args], {
    cwd,
  });
}
