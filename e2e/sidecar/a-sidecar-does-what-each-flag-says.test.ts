/** Each flag of docs/sidecar.md that no other test of this directory turns. */
import { join } from "node:path";
import { createAuthority } from "@serverless-relay/pki";
import { environmentOf, Running, readAll, run, Sidecars, until } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { begin, dial, endOf, startTarget, type Target } from "./target.ts";

let sidecars: Sidecars;
let target: Target;

beforeAll(async () => {
  const routes: [string, string][] = ["f1", "f3", "alias"].map((name) => [name, "f2"]);
  [sidecars, target] = await Promise.all([Sidecars.start({ routes }), startTarget()]);
});

afterAll(async () => {
  await target.stop();
  await sidecars.finish();
});

/** Who is parked at the relay on a channel: a test's own, so that others do not disturb it. */
async function parkedOn(channel: string): Promise<(string | null)[]> {
  const parked = await sidecars.relay.control.listParked();
  return parked.filter((each) => each.channel === channel).map(({ name }) => name);
}

async function served(port: number): Promise<string> {
  const local = await dial({ port });
  (await target.next()).end("served");
  return String(await readAll(local.end()));
}

it("expose --peer, several times: each of them is let in, and nobody else", async () => {
  const f3 = environmentOf(sidecars.relay, await sidecars.relay.issue("f3"));
  const channel = ["--channel", "3"];
  await sidecars.expose(target.address, { args: ["--peer", "f3", ...channel] });
  for (const env of [{}, f3]) {
    const { port } = await sidecars.forward("127.0.0.1:0", { args: channel, env });
    expect(await served(port)).toBe("served");
  }
  expect(new Set((await sidecars.relay.control.listParked()).map(({ peer }) => peer))).toEqual(new Set(["f1", "f3"]));
});

it("expose --target-timeout: a program that accepts nothing for so long is as good as none", async () => {
  // Its queue of one is taken, by itself, so the kernel answers nobody.
  const program = `
import socket, time
listener = socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen(0)
own = [socket.socket() for _ in range(4)]
for each in own: each.setblocking(False); each.connect_ex(listener.getsockname())
print("port", listener.getsockname()[1], flush=True); time.sleep(600)`;
  const busy = Running.startCommand("python3", ["-c", program]);
  const [, port] = (await busy.line(/^port /)).split(" ");
  const channel = ["--channel", "4"];
  const sidecar = await sidecars.expose(`127.0.0.1:${port}`, { args: ["--target-timeout", "300ms", ...channel] });
  const { port: forwarded } = await sidecars.forward("127.0.0.1:0", { args: channel });
  expect(await endOf(begin({ port: forwarded }))).toBe("reset");
  expect(await sidecar.line(/the target was not reached/)).toContain("no connection within 300 ms");
  await busy.stop();
});

it("expose --backlog: so many are parked, and another takes the place of each that is paired", async () => {
  const channel = ["--channel", "5"];
  await sidecars.expose(target.address, { args: ["--backlog", "2", ...channel] });
  const { port } = await sidecars.forward("127.0.0.1:0", { args: channel });
  for (let connections = 0; connections < 3; connections++) expect(await served(port)).toBe("served");
  await until("two are parked", async () => (await parkedOn("5")).length === 2);
});

it("expose --max-connections: who comes when it is full waits at the relay", async () => {
  const channel = ["--channel", "6"];
  await sidecars.expose(target.address, { args: ["--max-connections", "1", ...channel] });
  const { port } = await sidecars.forward("127.0.0.1:0", { args: channel });
  const [first, remote] = [await dial({ port }), await target.next()];
  const second = await dial({ port });
  await until("it waits", async () => (await parkedOn("6")).join() === "f1");
  first.end();
  remote.end();
  (await target.next()).end("your turn");
  expect(String(await readAll(second.end()))).toBe("your turn");
});

it("forward --wait: a connection whose peer does not come in time is reset", async () => {
  const { sidecar, port } = await sidecars.forward("127.0.0.1:0", { args: ["--wait", "1", "--channel", "7"] });
  expect(await endOf(begin({ port }))).toBe("reset");
  expect(await sidecar.line(/"msg":"not connected"/)).toContain("peer_timeout");
});

it("--transport tls at one end, and --as where a certificate has several names", async () => {
  const both = environmentOf(sidecars.relay, await sidecars.relay.issue("name", "alias"));
  const channel = ["--channel", "8"];
  await sidecars.expose(target.address, { args: ["--peer", "alias", ...channel] });
  const args = ["--transport", "tls", "--as", "alias", ...channel];
  const { port } = await sidecars.forward("127.0.0.1:0", { args, env: both });
  expect(await served(port)).toBe("served");
  expect(await sidecars.relay.logged("paired", { channel: "8" })).toMatchObject({
    ends: expect.arrayContaining([expect.objectContaining({ name: "alias", transport: "tls" })]),
  });
});

it("--relay-ca and --ca: each is believed of its own, and of nothing else", async () => {
  const other = await createAuthority({ commonName: "somebody else's CA" });
  const otherCa = await sidecars.relay.write("other-ca.pem", other.certPem);
  await sidecars.expose(target.address, { args: ["--channel", "9"] });
  const env = environmentOf(sidecars.relay, sidecars.f1);
  const withCas = (relayCa: string, ca: string) =>
    run("relay-sidecar", ["forward", "--peer", "f2", "--stdio", "--channel", "9", "--relay-ca", relayCa, "--ca", ca], {
      env,
    });
  const { caFile } = sidecars.f1;
  expect(await withCas(otherCa, caFile)).toMatchObject({
    code: 76,
    stderr: expect.stringContaining("relay localhost"),
  });
  expect(await withCas(caFile, otherCa)).toMatchObject({ code: 76, stderr: expect.stringContaining("f2") });
});

it.each([
  ["info", ["info", "warn"]],
  ["warn", ["warn"]],
  ["silent", []],
])("--log-level %s: so much is said", async (level, said) => {
  const path = join(sidecars.relay.directory, `${level}.sock`);
  const args = ["forward", "--peer", "f2", "--listen", `unix:${path}`, "--log-level", level];
  const env = { ...environmentOf(sidecars.relay, sidecars.f1), RELAY_CHANNEL: "10", RELAY_WAIT: "0" };
  const sidecar = Running.start("relay-sidecar", args, { env });
  // Nobody is at the other end: it warns of that.
  const turnedAway = () => dial({ path }).then(endOf, () => null);
  await until("it listens", async () => (await turnedAway()) !== null);
  expect(await sidecar.stop()).toBe(0);
  const levels = sidecar.lines.map((line) => (JSON.parse(line) as { level: string }).level);
  expect([...new Set(levels)].toSorted()).toEqual(said);
});

it("forward --listen: an address that other machines reach is warned of, loopback is not", async () => {
  const { sidecar: open } = await sidecars.forward("0.0.0.0:0");
  expect(await open.line(/other machines can reach/)).toContain('"level":"warn"');
  const { sidecar: own } = await sidecars.forward();
  expect(own.lines.filter((line) => line.includes("other machines"))).toEqual([]);
});

it("a certificate that is refused for good ends expose, with 77", async () => {
  const notAfter = new Date(Date.now() - 60_000);
  const notBefore = new Date(notAfter.getTime() - 3_600_000);
  const expired = await sidecars.relay.authority.issueFunction({ names: ["f2"], notBefore, notAfter });
  const f2 = await sidecars.relay.keep("expired", expired.certPem, expired.keyPem);
  const args = ["expose", "--peer", "f1", "--to", target.address];
  const { code, stderr } = await run("relay-sidecar", args, { env: environmentOf(sidecars.relay, f2) });
  expect({ code, stderr }).toEqual({ code: 77, stderr: expect.stringContaining("certificate_expired") });
});
