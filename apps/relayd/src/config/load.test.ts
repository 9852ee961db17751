import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigError } from "./config-error.ts";
import { loadConfig } from "./load.ts";

const LEAST = `listen: { shared: 127.0.0.1:8443 }
tls: { cert: relay.pem, key: relay.key, ca: ca.pem }
control: { socket: run/relayd.sock }
state: { dir: state }
`;

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "relayd-config-"));
});
afterEach(async () => {
  await rm(cwd, { recursive: true });
});

async function load(text: string) {
  await writeFile(join(cwd, "relayd.yaml"), text);
  return await loadConfig("relayd.yaml", { cwd, env: {} });
}

async function problemsOf(loading: Promise<unknown>): Promise<readonly string[]> {
  const error = await loading.then(
    () => null,
    (error: unknown) => error,
  );
  if (error instanceof ConfigError) return error.problems;
  throw new Error("no ConfigError", { cause: error });
}

const PIN = `sha256:${"a".repeat(64)}`;

describe("a configuration that says the least", () => {
  it("has the defaults in milliseconds and bytes, and its paths from the place of the file", async () => {
    const { config, file } = await load(LEAST);
    expect(file).toBe(join(cwd, "relayd.yaml"));
    expect(config).toEqual({
      listen: { shared: { host: "127.0.0.1", port: 8443 } },
      tls: { cert: join(cwd, "relay.pem"), key: join(cwd, "relay.key"), ca: join(cwd, "ca.pem") },
      control: { socket: join(cwd, "run/relayd.sock") },
      state: { dir: join(cwd, "state") },
      pairing: { wait: 60_000, maxWait: 900_000 },
      limits: {
        headSize: 16_384,
        handshakeTimeout: 10_000,
        requestTimeout: 10_000,
        detachTimeout: 10_000,
        connections: 10_000,
        handshakes: 512,
        arrivalsPerAddress: 500,
        arrivalsPerFunction: 200,
        connectionsPerFunction: 2500,
        parkedPerFunction: 2500,
        parkedPerRoute: 5000,
        sessionsPerFunction: 2500,
        sessionsPerRoute: 2500,
      },
      sessions: { idleTimeout: 3_600_000, answerWithin: 120_000, onRevoked: "end", onExpired: "keep" },
      drain: { timeout: 30_000 },
      splice: { mode: "auto", threads: 1 },
      routes: [],
      log: { level: "info", format: "auto" },
    });
  });
});

describe("a configuration that says everything", () => {
  it("is taken as written", async () => {
    const { config } = await load(`
listen:
  shared: "[::1]:0"
  perRoute: { host: "::1", ports: 20000-20999, protocol: bare, exposePlain: true }
tls: { cert: /etc/relay.pem, key: ../relay.key, ca: ca.pem, crl: crl.pem }
control: { socket: /run/relayd.sock }
state: { dir: . }
pairing: { wait: 500ms, maxWait: 1h }
limits:
  { headSize: 1MiB, handshakeTimeout: 1s, requestTimeout: 2s, detachTimeout: 3s, connections: 1, handshakes: 2,
    handshakesPerAddress: 3, arrivalsPerAddress: 4, arrivalsPerFunction: 5, connectionsPerFunction: 6, parkedPerFunction: 7,
    parkedPerRoute: 8, sessions: 9, sessionsPerFunction: 10, sessionsPerRoute: 11,
    bandwidthPerFunction: 1MiB, bandwidthPerRoute: 2MiB/s }
sessions: { idleTimeout: 2h, maxDuration: 24h }
drain: { timeout: 15m }
splice: { mode: kernel, threads: 4 }
routes:
  - between: [f1, spiffe://example.org/f2]
  - { between: [f, f], protocol: plain, port: 9000 }
  - between: [f1, f2]
    channelLimit: 4
    maxSessions: 10
    ttl: 12h
    once: true
    wait: 90s
    bandwidth: 10MiB/s
    pins: { f1: ${PIN}, f2: [${PIN}, ${PIN}] }
log: { level: trace, format: json }
`);
    expect(config).toEqual({
      listen: {
        shared: { host: "::1", port: 0 },
        perRoute: { host: "::1", ports: { first: 20_000, last: 20_999 }, protocol: "bare", exposePlain: true },
      },
      tls: {
        cert: "/etc/relay.pem",
        key: join(cwd, "../relay.key"),
        ca: join(cwd, "ca.pem"),
        crl: join(cwd, "crl.pem"),
      },
      control: { socket: "/run/relayd.sock" },
      state: { dir: cwd },
      pairing: { wait: 500, maxWait: 3_600_000 },
      limits: {
        headSize: 1024 ** 2,
        handshakeTimeout: 1000,
        requestTimeout: 2000,
        detachTimeout: 3000,
        connections: 1,
        handshakes: 2,
        handshakesPerAddress: 3,
        arrivalsPerAddress: 4,
        arrivalsPerFunction: 5,
        connectionsPerFunction: 6,
        parkedPerFunction: 7,
        parkedPerRoute: 8,
        sessions: 9,
        sessionsPerFunction: 10,
        sessionsPerRoute: 11,
        bandwidthPerFunction: 1_048_576,
        bandwidthPerRoute: 2_097_152,
      },
      sessions: {
        idleTimeout: 7_200_000,
        answerWithin: 120_000,
        maxDuration: 86_400_000,
        onRevoked: "end",
        onExpired: "keep",
      },
      drain: { timeout: 900_000 },
      splice: { mode: "kernel", threads: 4 },
      routes: [
        { f1: "f1", f2: "spiffe://example.org/f2" },
        { f1: "f", f2: "f", protocol: "plain", port: 9000 },
        {
          f1: "f1",
          f2: "f2",
          channelLimit: 4,
          maxSessions: 10,
          ttl: 43_200_000,
          once: true,
          wait: 90_000,
          bandwidth: 10_485_760,
          pins: { f1: [PIN], f2: [PIN, PIN] },
        },
      ],
      log: { level: "trace", format: "json" },
    });
  });
});

describe("a wrong configuration", () => {
  it.each([
    ["no keys at all", "", "relayd.yaml:1:1: the file is empty; see relayd --help"],
    ["a list", "- a", "relayd.yaml:1:1: the file holds no keys; see relayd --help"],
    ["a tab", "listen:\n\tshared: x", "relayd.yaml:2:1: Tabs are not allowed as indentation; indent with spaces"],
    ["a key twice", `${LEAST}state: { dir: x }`, "relayd.yaml:5:1: Map keys must be unique; remove one of the two"],
    ["an alias of nothing", "a: *b", /^relayd\.yaml:1:1: Unresolved alias .*; write it without aliases$/],
    [
      "a number for a duration",
      `${LEAST}drain: { timeout: 30 }`,
      "relayd.yaml:5:19 drain.timeout: 30 has no unit; write 30s",
    ],
    [
      "a fraction for a duration",
      `${LEAST}drain: { timeout: 1.5s }`,
      'relayd.yaml:5:19 drain.timeout: "1.5s" is not understood; write a duration such as 500ms, 60s, 15m, 12h or 7d',
    ],
    [
      "a duration beyond Node's timers",
      `${LEAST}drain: { timeout: 597h }`,
      /drain\.timeout: is too long; 24d is the most$/,
    ],
    ["no time at all", `${LEAST}drain: { timeout: 0s }`, /drain\.timeout: must be more than nothing; /],
    ["a number for a size", `${LEAST}limits: { headSize: 100 }`, /limits\.headSize: 100 has no unit; write 100B$/],
    [
      "decimal units",
      `${LEAST}limits: { headSize: 16KB }`,
      /limits\.headSize: "16KB" is not understood; write a size such as/,
    ],
    ["a limit of none", `${LEAST}limits: { handshakes: 0 }`, /limits\.handshakes: must be at least 1; /],
    ["text for a number", `${LEAST}limits: { handshakes: many }`, /limits\.handshakes: is "many"; write how many/],
    [
      "a level that there is not",
      `${LEAST}log: { level: loud }`,
      /log\.level: is "loud"; write one of trace, debug, info, warn, error$/,
    ],
    ["an empty group", `${LEAST}log:`, "relayd.yaml:5:5 log: is empty; write log: { level: info }"],
    ["text for a group", `${LEAST}log: info`, 'relayd.yaml:5:6 log: is "info"; write log: { level: info }'],
    [
      "a default wait above the longest",
      `${LEAST}pairing: { wait: 16m }`,
      /:5:18 pairing\.wait: is longer than pairing\.maxWait; /,
    ],
    ["routes that are no list", `${LEAST}routes: { between: [a, b] }`, /routes: is a group of keys; write a list of/],
    [
      "one name",
      `${LEAST}routes: [{ between: f1 }]`,
      /routes\[0\]\.between: does not hold two names; write \[f1, f2\]$/,
    ],
    [
      "a pin of another hash",
      `${LEAST}routes: [{ between: [a, b], pins: { f1: sha1:00 } }]`,
      /pins\.f1\[0\]: "sha1:00" is no pin; write sha256: and 64 hexadecimal digits$/,
    ],
    [
      "a rate in bits",
      `${LEAST}routes: [{ between: [a, b], bandwidth: 10Mbit/s }]`,
      /"10Mbit\/s" is not understood; write a rate such as/,
    ],
    [
      "no sessions",
      `${LEAST}routes: [{ between: [a, b], maxSessions: 0 }]`,
      /maxSessions: must be at least 1; write how many/,
    ],
    ["three names", `${LEAST}routes: [{ between: [f1, f2, f3] }]`, /routes\[0\]\.between: does not hold two names; /],
    [
      "a bad name",
      `${LEAST}routes: [{ between: [f1, f_é] }]`,
      /:5:26 routes\[0\]\.between\[1\]: "f_é" is not a function's name; a name is 1 to 512/,
    ],
    [
      "a route twice, the other way round",
      `${LEAST}routes:\n  - { between: [a, b] }\n  - { between: [b, a] }`,
      /:7:16 routes\[1\]\.between: is the route of an earlier entry, /,
    ],
    [
      "a port without listeners",
      `${LEAST}routes: [{ between: [a, b], port: 7 }]`,
      /routes\[0\]\.port: needs a listener; add listen\.perRoute/,
    ],
    [
      "a protocol without listeners",
      `${LEAST}routes: [{ between: [a, b], protocol: bare }]`,
      /routes\[0\]\.protocol: needs a listener; /,
    ],
  ])("with %s is explained", async (_name, text, expected) => {
    const problems = await problemsOf(load(text));
    expect(problems).toHaveLength(1);
    if (typeof expected === "string") expect(problems[0]).toBe(expected);
    else expect(problems[0]).toMatch(expected);
  });

  it.each([
    ["8443", "8443 is only a port; write 127.0.0.1:8443, or 0.0.0.0:8443 for all"],
    ['":8443"', '":8443" names no host; write 127.0.0.1:8443, or 0.0.0.0:8443 for all'],
    ["::1:8443", '"::1:8443" is not an address; write "[::1]:8443" for IPv6'],
    ['"[relay]:8443"', '"[relay]:8443" holds no IPv6 address; write "[::1]:8443"'],
    ["127.0.0.1", '"127.0.0.1" is not an address; write host:port, such as 127.0.0.1:8443'],
    ["127.0.0.1:65536", '"127.0.0.1:65536" has no such port; 65535 is the last'],
    ["-x:1", '"-x:1" names no host; write 127.0.0.1:1, or 0.0.0.0:1 for all'],
  ])("with the address %s is explained", async (written, expected) => {
    const text = LEAST.replace("127.0.0.1:8443", written);
    await expect(problemsOf(load(text))).resolves.toEqual([`relayd.yaml:1:19 listen.shared: ${expected}`]);
  });

  it.each(["20000", '"20000"', "20999-20000", "0-5", "1-65536", "x"])(
    "with the ports %s is explained",
    async (ports) => {
      const text = LEAST.replace("8443 }", `8443, perRoute: { ports: ${ports} } }`);
      const [problem] = await problemsOf(load(text));
      expect(problem).toMatch(/^relayd\.yaml:1:54 listen\.perRoute\.ports: .*; write /);
    },
  );

  it("keeps plain off any address that others can reach, unless told otherwise", async () => {
    const withHost = (host: string, more = "") =>
      `${LEAST.replace("8443 }", `8443, perRoute: { host: ${host}, ports: 2-3${more} } }`)}routes: [{ between: [a, b], protocol: plain }]`;
    await expect(load(withHost("127.8.0.1"))).resolves.toBeDefined();
    await expect(load(withHost("localhost"))).resolves.toBeDefined();
    await expect(load(withHost("0.0.0.0", ", exposePlain: true"))).resolves.toBeDefined();
    const [problem] = await problemsOf(load(withHost("0.0.0.0")));
    expect(problem).toMatch(/:5:39 routes\[0\]\.protocol: plain verifies nobody and 0\.0\.0\.0 is not loopback; /);
    const byDefault = LEAST.replace("8443 }", "8443, perRoute: { host: 10.0.0.1, ports: 2-3, protocol: plain } }");
    expect((await problemsOf(load(byDefault)))[0]).toMatch(/listen\.perRoute\.protocol: plain verifies nobody/);
  });

  it("is told of one port for two routes", async () => {
    const text = `${LEAST.replace("8443 }", "8443, perRoute: { ports: 2-3 } }")}routes:
  - { between: [a, b], port: 7 }
  - { between: [a, c], port: 7 }`;
    const [problem] = await problemsOf(load(text));
    expect(problem).toMatch(/:7:30 routes\[1\]\.port: 7 is the port of an earlier route; choose another$/);
  });

  it("is told of everything at once, unknown keys with the known one that was meant", async () => {
    const problems = await problemsOf(
      load(`listen: { shared: 8443, port: 1 }
tls:
  certificate: relay.pem
  key: [a]
pairing: { max_wait: 1s, zzz: 2 }
socket: x
lgo: {}
state: { dir: "" }
routes: [{ betwen: [a, b] }]
`),
    );
    expect(problems.toSorted()).toEqual([
      "relayd.yaml:1:1 control: is missing; add control: { socket: run/relayd.sock }",
      "relayd.yaml:1:19 listen.shared: 8443 is only a port; write 127.0.0.1:8443, or 0.0.0.0:8443 for all",
      "relayd.yaml:1:25 listen.port: is not a known key; known here: shared, perRoute",
      "relayd.yaml:3:3 tls.ca: is missing; add a path, relative to this file or absolute",
      "relayd.yaml:3:3 tls.cert: is missing; add a path, relative to this file or absolute",
      "relayd.yaml:3:3 tls.certificate: is not a known key; did you mean cert?",
      "relayd.yaml:4:8 tls.key: is a list; write a path, relative to this file or absolute",
      "relayd.yaml:5:12 pairing.max_wait: is not a known key; did you mean maxWait?",
      "relayd.yaml:5:26 pairing.zzz: is not a known key; known here: wait, maxWait",
      "relayd.yaml:6:1 socket: is not a known key; did you mean control.socket?",
      "relayd.yaml:7:1 lgo: is not a known key; did you mean log?",
      "relayd.yaml:8:15 state.dir: is empty; write a path",
      "relayd.yaml:9:10 routes[0].between: is missing; add between: [f1, f2]",
      "relayd.yaml:9:12 routes[0].betwen: is not a known key; did you mean between?",
    ]);
  });
});

describe("where the configuration is looked for", () => {
  const personal = () => join(cwd, "personal", "relayd");

  it("the current directory comes first, then the user's, by XDG_CONFIG_HOME or HOME", async () => {
    await mkdir(personal(), { recursive: true });
    await writeFile(join(personal(), "relayd.yaml"), LEAST);
    const byXdg = { cwd, env: { XDG_CONFIG_HOME: join(cwd, "personal") } };
    await expect(loadConfig(undefined, byXdg)).resolves.toMatchObject({ file: join(personal(), "relayd.yaml") });
    await writeFile(join(cwd, "relayd.yaml"), LEAST);
    await expect(loadConfig(undefined, byXdg)).resolves.toMatchObject({ file: join(cwd, "relayd.yaml") });
  });

  it("HOME/.config stands in for XDG_CONFIG_HOME", async () => {
    const home = join(cwd, "home");
    await mkdir(join(home, ".config", "relayd"), { recursive: true });
    const file = join(home, ".config", "relayd", "relayd.yaml");
    await writeFile(file, LEAST);
    await expect(loadConfig(undefined, { cwd, env: { HOME: home } })).resolves.toMatchObject({ file });
  });

  it("one that is wrong is not passed over", async () => {
    await writeFile(join(cwd, "relayd.yaml"), "");
    await expect(loadConfig(undefined, { cwd, env: {} })).rejects.toThrow("the file is empty");
  });

  it("says where it looked, if there is none", async () => {
    const [problem] = await problemsOf(loadConfig(undefined, { cwd, env: { HOME: cwd } }));
    const tried = `${join(cwd, "relayd.yaml")}, ${join(cwd, ".config/relayd/relayd.yaml")}, /etc/relayd/relayd.yaml`;
    expect(problem).toBe(`no configuration found; tried ${tried}; name one with --config FILE`);
  });

  it.each([
    ["nowhere.yaml", "nowhere.yaml: no such file; correct the path or make the file"],
    ["/", "/: is a directory; name a file"],
  ])("--config %s is explained", async (file, expected) => {
    await expect(problemsOf(loadConfig(file, { cwd, env: {} }))).resolves.toEqual([expected]);
  });

  it("a file that is not text is explained", async () => {
    await writeFile(join(cwd, "binary.yaml"), Buffer.of(0xff, 0xfe, 0));
    const loading = loadConfig("binary.yaml", { cwd, env: {} });
    await expect(problemsOf(loading)).resolves.toEqual(["binary.yaml: is not text in UTF-8; save it as such"]);
  });
});
