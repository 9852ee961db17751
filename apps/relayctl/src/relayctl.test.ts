import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Route, Status } from "@serverless-relay/control-api";
import { describe, expect, it } from "vitest";
import { useShell } from "./relayctl.test-support.ts";

const shell = useShell();
const { relayctl, daemon } = shell;

const time = "2026-11-23T06:00:00.000Z";
const route: Route = {
  f1: "f1",
  f2: "f2",
  source: "dynamic",
  createdAt: time,
  listener: null,
  channelLimit: null,
  maxSessions: null,
  expiresAt: null,
  once: false,
  wait: null,
  bandwidth: null,
  pins: null,
  wake: null,
  parked: 0,
  sessions: 0,
};
const PIN = `sha256:${"a".repeat(64)}`;
const listener = { protocol: "bare", host: "127.0.0.1", port: 20000, state: "up", error: null } as const;
const status: Status = {
  version: "1.2.3",
  pid: 7,
  state: "running",
  drain: null,
  startedAt: time,
  uptimeSeconds: 60,
  config: "relayd.yaml",
  listeners: [{ ...listener, name: "shared", route: null }],
  routes: { static: 0, dynamic: 0 },
  parked: 0,
  sessions: { live: 0, total: 0 },
  admitted: 0,
  refused: {},
  bytes: 0,
  limits: {
    connections: { used: 4, limit: 10_000 },
    handshakes: { used: 1, limit: 512 },
    sessions: { used: 1, limit: 5_000 },
  },
  splice: "stream",
  cluster: null,
  certificates: [],
  reload: { lastAt: null, trigger: null, ok: true, problems: [], restart: [], good: 0, bad: 0 },
};

describe("relayctl", { timeout: 30_000 }, () => {
  it("tells its version, and what commands there are", async () => {
    expect(await relayctl("--version")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^relayctl\/\d/) });
    for (const words of ["", "--help", "-h", "help"]) {
      const ended = await relayctl(words);
      expect(ended).toMatchObject({ code: 0, stderr: "" });
      for (const word of ["init", "cert", "route", "status"]) expect(ended.stdout).toContain(`  ${word} `);
    }
  });

  it.each(["init", "cert issue", "route add", "route delete", "route list", "route show", "status"])(
    "helps with %s",
    async (command) => {
      const ended = await relayctl(`${command} --help`);
      expect(ended).toMatchObject({ code: 0, stderr: "" });
      expect(ended.stdout).toMatch(new RegExp(`EXAMPLES\n  \\$ relayctl ${command}`));
      expect(ended.stdout).toContain("--json");
    },
  );

  it.each([
    ["frob", 'no command "frob"'],
    ["route frob", "add, delete, list, show"],
    ["route list f1", "unexpected argument"],
    ["route add f1", "Missing 1 required arg"],
    ["route add f1 f2 f3", "Unexpected argument: f3"],
    ["route add f1 f2 --frob", "Nonexistent flag: --frob"],
    ["route add f1 f2 --port 70000", "70000"],
    ["route add f1 f2 --protocol http", "connect, bare, plain"],
    ["route add f1 f2 --max-sessions 0", "--max-sessions"],
    ["route add f1 f2 --max-sessions few", "--max-sessions: Expected an integer"],
    ["route add f1 f2 --ttl 15", '--ttl "15" is not understood; write a duration such as'],
    ["route add f1 f2 --ttl 500ms", "--ttl"],
    ["route add f1 f2 --wait soon", "--wait"],
    ["route add f1 f2 --bandwidth 10MB/s", "--bandwidth"],
    ["route add f1 f2 --pin sha256:00", "--pin"],
    ["init", "Missing required flag dir"],
  ])("exits 2 on a wrong command line: %s", async (words, message) => {
    const plain = await relayctl(words);
    expect(plain).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(message) });
    expect(plain.stderr).not.toMatch(/^\s+at |Parsing /m);
    const json = await relayctl(`${words} --json`);
    expect(json).toMatchObject({ code: 2, stderr: "" });
    expect(JSON.parse(json.stdout).error).toMatchObject({ code: "usage", message: expect.stringContaining(message) });
  });

  it("exits 2 if there are flags and no command", async () => {
    expect(await relayctl("--socket s")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("a command is expected"),
    });
    expect(JSON.parse((await relayctl("--json")).stdout)).toMatchObject({ error: { code: "usage" } });
  });

  it("exits 69 where there is no daemon, and says which socket it tried and how to choose another", async () => {
    const left = join(shell.dir, "relayd", "relayd.sock");
    await mkdir(dirname(left));
    await writeFile(left, "");
    const byDefault = await relayctl("status", { XDG_RUNTIME_DIR: shell.dir });
    expect(byDefault).toMatchObject({ code: 69, stdout: "" });
    expect(byDefault.stderr).toContain(`no relayd at ${left}: nobody listens there`);
    const byEnvironment = await relayctl("route list", { RELAYD_SOCKET: "/nowhere/a.sock" });
    expect(byEnvironment).toMatchObject({ code: 69, stderr: expect.stringContaining("/nowhere/a.sock") });
    expect(byEnvironment.stderr).toContain("--socket PATH or RELAYD_SOCKET=PATH");
    const byFlag = await relayctl("--json --socket /nowhere/b.sock route add f1 f2", {
      RELAYD_SOCKET: "/nowhere/a.sock",
    });
    expect(byFlag).toMatchObject({ code: 69, stderr: "" });
    expect(JSON.parse(byFlag.stdout).error).toMatchObject({
      code: "daemon_unreachable",
      message: expect.stringContaining("/nowhere/b.sock"),
    });
  });

  it("shows the status", async () => {
    const { socket } = await daemon(200, status);
    const ended = await relayctl(`status --socket ${socket}`);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toContain("relayd 1.2.3 running, pid 7, up 1m\n");
    const json = await relayctl("status --json", { RELAYD_SOCKET: socket });
    expect(JSON.parse(json.stdout)).toEqual(status);
  });

  it("reloads, and says what is in force and who was turned away by it", async () => {
    const result = {
      changed: ["tls.crl"],
      restart: ["listen.shared"],
      warnings: ["relay.pem runs out"],
      refused: 1,
      ended: 2,
    };
    const daemon = await shell.daemon(200, result);
    const ended = await relayctl(`reload --socket ${daemon.socket}`);
    expect(ended.stdout.split("\n")).toEqual([
      "now in force: tls.crl",
      "1 parked connection refused, 2 sessions ended",
      "changed in the configuration, and waits for a restart: listen.shared",
      "warning: relay.pem runs out",
      "",
    ]);
    const check = await relayctl(`config check other.yaml --socket ${daemon.socket} --json`);
    expect(JSON.parse(check.stdout)).toEqual(result);
    expect(daemon.asked()).toEqual(["POST /v1/reload", `POST /v1/config/check {"file":"${shell.dir}/other.yaml"}`]);
  });

  it("exits 1 with every problem when the files are bad", async () => {
    const message = "relayd.yaml:1:1: bad\nrelayd.yaml:2:1: bad, too";
    const daemon = await shell.daemon(422, { error: { code: "config_invalid", message } });
    for (const words of ["reload", "config check"]) {
      const ended = await relayctl(`${words} --socket ${daemon.socket}`);
      expect(ended).toEqual({ code: 1, stdout: "", stderr: `relayctl: ${message}\n` });
    }
  });

  it("adds a route", async () => {
    const { socket, asked } = await daemon(201, { created: true, route: { ...route, listener } });
    const ended = await relayctl(`route add f1 f2 --protocol bare --port 20000 --socket ${socket}`);
    expect(ended).toEqual({ code: 0, stderr: "", stdout: "route f1 <-> f2 added\nlistener: bare 127.0.0.1:20000\n" });
    expect(asked()).toEqual(['POST /v1/routes {"f1":"f1","f2":"f2","protocol":"bare","port":20000}']);
  });

  it("adds a route with every option, and says which it has", async () => {
    const options = { channelLimit: 4, maxSessions: 10, once: true, wait: 30, bandwidth: 10_485_760 };
    const pins = { f1: [PIN, PIN.replace(/a$/, "b")], f2: [PIN] };
    const { socket, asked } = await daemon(201, {
      created: true,
      route: { ...route, ...options, pins, expiresAt: time },
    });
    const flags = `--channel-limit 4 --max-sessions 10 --ttl 15m --once --wait 30s --bandwidth 10MiB/s --listen 20000`;
    const pinned = `--pin f1=${PIN} --pin f2=${PIN} --pin f1=${PIN.replace(/a$/, "b")}`;
    const ended = await relayctl(`route add ${flags} ${pinned} f1 f2 --socket ${socket}`);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toContain(
      `options: channel-limit 4, max-sessions 10, once, wait 30s, bandwidth 10.0 MiB/s, 3 pins, until ${time}\n`,
    );
    const sent = { f1: "f1", f2: "f2", port: 20000, ...options, ttl: 900, pins };
    expect(JSON.parse(asked()[0]?.replace("POST /v1/routes ", "") ?? "")).toEqual(sent);
  });

  it("shows a route", async () => {
    const { socket, asked } = await daemon(200, { ...route, listener, maxSessions: 3, pins: { f2: [PIN] }, parked: 2 });
    const ended = await relayctl(`route show f2 f1 --socket ${socket}`);
    expect(ended.stdout.split("\n")).toEqual([
      "route f1 <-> f2",
      `source    dynamic, since ${time}`,
      "listener  bare 127.0.0.1:20000",
      "parked    2",
      "sessions  0",
      "options   max-sessions 3, 1 pin",
      `pin f2    ${PIN}`,
      "",
    ]);
    expect(asked()).toEqual(["GET /v1/routes/f2/f1"]);
    const json = await relayctl(`route show f1 f2 --json --socket ${socket}`);
    expect(JSON.parse(json.stdout)).toMatchObject({ maxSessions: 3 });
  });

  it("says of a route that exists that nothing changed", async () => {
    const { socket } = await daemon(200, { created: false, route });
    const ended = await relayctl(`route add f1 f2 --socket ${socket}`);
    expect(ended).toEqual({ code: 0, stderr: "", stdout: "route f1 <-> f2 exists already: nothing changed\n" });
  });

  it("says what a name may be", async () => {
    const ended = await relayctl("route add f1 f/2 --socket none");
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('"f/2" cannot be a name: a name is') });
  });

  it("deletes a route", async () => {
    const { socket, asked } = await daemon(200, { route: { f1: "f1", f2: "f2" }, refused: 1, killed: 2 });
    const ended = await relayctl(`route delete spiffe://a/f1 f2 --kill --socket ${socket}`);
    expect(ended.stdout).toBe("route f1 <-> f2 deleted: 1 parked client refused, 2 sessions ended\n");
    expect(asked()).toEqual(["DELETE /v1/routes/spiffe%3A%2F%2Fa%2Ff1/f2?kill=true"]);
  });

  it("exits 1 with the daemon's words when it says no", async () => {
    const error = { code: "route_not_found", message: "there is no route f1 <-> f2: relayctl route list shows all" };
    const { socket } = await daemon(404, { error });
    const ended = await relayctl(`route delete f1 f2 --socket ${socket}`);
    expect(ended).toEqual({ code: 1, stdout: "", stderr: `relayctl: ${error.message}\n` });
    const json = await relayctl(`route delete f1 f2 --json --socket ${socket}`);
    expect(json).toMatchObject({ code: 1, stderr: "" });
    expect(JSON.parse(json.stdout)).toEqual({ error });
  });

  it("lists the routes", async () => {
    const other = { ...route, f1: "a", listener, sessions: 12, maxSessions: 20, once: true };
    const { socket } = await daemon(200, [route, other]);
    const ended = await relayctl(`route list --socket ${socket}`);
    expect(ended.stdout.split("\n")).toEqual([
      "ROUTE      SOURCE   PARKED  SESSIONS  LISTENER              OPTIONS",
      "f1 <-> f2  dynamic       0         0  -                     -",
      "a <-> f2   dynamic       0        12  bare 127.0.0.1:20000  max-sessions 20, once",
      "",
    ]);
    const json = await relayctl(`route list --json --socket ${socket}`);
    expect(json.stdout).toBe(`${JSON.stringify({ routes: [route, other] }, null, 2)}\n`);
  });

  it("lists no routes by saying how to add one", async () => {
    const { socket } = await daemon(200, []);
    const ended = await relayctl(`route list --socket ${socket}`);
    expect(ended.stdout).toBe("no routes; add one: relayctl route add F1 F2\n");
    const json = await relayctl(`route list --json --socket ${socket}`);
    expect(JSON.parse(json.stdout)).toEqual({ routes: [] });
  });

  it("lists routes by the thousand, each once, in JSON and in lines", async () => {
    const routes = Array.from({ length: 1_700 }, (_, n) => ({ ...route, f1: `f${n}` }));
    const { socket } = await daemon(200, routes);
    const json = await relayctl(`route list --json --socket ${socket}`);
    expect(json.stdout).toBe(`${JSON.stringify({ routes }, null, 2)}\n`);
    const { stdout } = await relayctl(`route list --socket ${socket}`);
    const [head, ...lines] = stdout.trimEnd().split("\n");
    expect(head).toMatch(/^ROUTE /);
    expect(lines.map((line) => line.split(" ")[0])).toEqual(routes.map(({ f1 }) => f1));
  });
});
