import { once } from "node:events";
import { commandOf, environmentOf, Running, run, Sidecars } from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dial, startTarget, type Target } from "./target.ts";

let sidecars: Sidecars;
let target: Target;

beforeAll(async () => {
  [sidecars, target] = await Promise.all([Sidecars.start({ routes: [["f1", "f2"]] }), startTarget()]);
});

afterAll(async () => {
  await target.stop();
  await sidecars.finish();
});

const taken = (): string => target.address;
const files = (): string => sidecars.relay.directory;
const stdio = ["forward", "--peer", "f2", "--stdio"];

describe("one line on stderr, and an exit code", () => {
  it.each<[string, number, () => string[], RegExp, (() => Record<string, string>)?]>([
    ["no address", 64, () => ["expose", "--peer", "f1"], /--to is missing; /],
    [
      "an address that is none",
      64,
      () => ["expose", "--peer", "f1", "--to", "x"],
      /--to "x" will not do; it is HOST:PORT/,
    ],
    ["a wait that is none", 64, () => [...stdio, "--wait", "2s"], /: --wait is "2s": it is a whole number of seconds/],
    [
      "a wait that is none, by its variable",
      78,
      () => stdio,
      /RELAY_WAIT is "2s": .*; say so by --wait or RELAY_WAIT/,
      () => ({ RELAY_WAIT: "2s" }),
    ],
    ["a duration that is none", 64, () => [...stdio, "--drain-timeout", "1w"], /--drain-timeout "1w" will not do; /],
    ["a command that there is not", 64, () => ["expoes"], /expoes/],
    ["no peer", 64, () => ["forward", "--stdio"], /peer/],
    ["a peer that is none", 64, () => ["forward", "--peer", "a b", "--stdio"], /: --peer is "a b": /],
    ["no relay", 78, () => stdio, /RELAY is not set; say so by --relay or RELAY/, () => ({ RELAY: "" })],
    ["no key", 64, () => [...stdio, "--key", `${files()}/none`], /: --key .* cannot be read/],
    [
      "a port that is taken",
      69,
      () => ["forward", "--peer", "f2", "--listen", taken()],
      /--listen .*: somebody else listens/,
    ],
    [
      "nobody where the relay should be",
      69,
      () => [...stdio, "--relay", "127.0.0.1:1", "--wait", "0"],
      /not reachable/,
    ],
    ["a peer that does not come", 75, () => [...stdio, "--wait", "1"], /refused: 504 /],
    ["no route", 77, () => ["forward", "--peer", "f3", "--stdio"], /refused: 403 /],
    [
      "another's certificate in place of the relay's",
      76,
      () => [...stdio, "--servername", "elsewhere"],
      /did not prove to be elsewhere/,
    ],
  ])("%s: %i", async (_what, expected, args, says, env = () => ({})) => {
    const environment = { ...environmentOf(sidecars.relay, sidecars.f1), ...env() };
    const { code, stdout, stderr } = await run("relay-sidecar", args(), { env: environment });
    expect({ code, stdout, stderr }).toEqual({ code: expected, stdout: "", stderr: expect.stringMatching(says) });
    expect(stderr).toMatch(/^relay-sidecar: /);
  });
});

describe("standard input and output", () => {
  const start = (): Running =>
    Running.start("relay-sidecar", stdio, { env: environmentOf(sidecars.relay, sidecars.f1), stdin: "open" });

  beforeAll(async () => {
    await sidecars.expose(target.address);
  });

  it("the peer ends first: the end is seen, and input is still carried", async () => {
    // `cat` behind it ends only when it has seen the end of the output.
    const command = `${commandOf("relay-sidecar").join(" ")} ${stdio.join(" ")} | { cat; echo "(end)"; }`;
    const env = environmentOf(sidecars.relay, sidecars.f1);
    const shell = Running.startCommand("bash", ["-c", command], { env, stdin: "open", group: true });
    const remote = await target.next();
    remote.end("all that I have to say\n");
    await shell.line(/^\(end\)$/);
    expect(shell.lines).toEqual(["all that I have to say", "(end)"]);
    shell.write("but I have more");
    shell.endInput();
    const [chunk] = (await once(remote.resume(), "data")) as [Buffer];
    expect(String(chunk)).toBe("but I have more");
    expect(await shell.ended).toBe(0);
  });

  it("a connection that is broken off ends it with 74", async () => {
    const sidecar = start();
    const remote = await target.next();
    remote.write("beginning\n");
    await sidecar.line(/^beginning$/);
    remote.resetAndDestroy();
    await sidecar.line(/^relay-sidecar: the connection ended without/);
    expect(await sidecar.ended).toBe(74);
  });
});

it("a socket that a killed sidecar left behind is taken over; one that is in use, and a file, are not", async () => {
  const path = `${files()}/left.sock`;
  const { sidecar } = await sidecars.forward(`unix:${path}`);
  await sidecar.stop("SIGKILL");
  const { sidecar: second } = await sidecars.forward(`unix:${path}`);
  (await dial({ path })).destroy();
  for (const [other, says] of [
    [path, "somebody else listens there"],
    [sidecars.f1.certFile, "a file is in the way"],
  ]) {
    const env = environmentOf(sidecars.relay, sidecars.f1);
    const third = await run("relay-sidecar", ["forward", "--peer", "f2", "--listen", `unix:${other}`], { env });
    expect(third).toMatchObject({ code: 69, stderr: expect.stringContaining(String(says)) });
  }
  expect(second.isOver).toBe(false);
});
