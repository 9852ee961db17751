import { glob, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { meet, RunningRelay, runCommand, until } from "@serverless-relay/testkit";
import { expect, it } from "vitest";

const UNITS = fileURLToPath(new URL("../../packaging/systemd/", import.meta.url));

/** The values of a setting of relayd.service, in their order. */
async function settings(name: string): Promise<string[]> {
  const text = await readFile(join(UNITS, "relayd.service"), "utf8");
  return [...text.matchAll(/^(\w+)=(.*)$/gm)].filter(([, key]) => key === name).map(([, , value = ""]) => value);
}

it("systemd has nothing to say against the units", async () => {
  const directory = await mkdtemp(join(tmpdir(), "relay-units-"));
  try {
    const files: string[] = [];
    for await (const path of glob(`${UNITS}*.{service,socket}`)) {
      const file = join(directory, basename(path));
      // where relayd is installed, another program stands in for it: it has to be there
      await writeFile(file, (await readFile(path, "utf8")).replace("/usr/local/bin/relayd", process.execPath));
      files.push(file);
    }
    const { stdout, stderr } = await runCommand("systemd-analyze", ["verify", "--man=no", ...files]);
    const complaints = `${stdout}${stderr}`
      .split("\n")
      .filter((line) => line !== "" && !/type.*: notify-reload$/.test(line));
    expect(complaints).toEqual([]);
    expect(files).toHaveLength(3);
    // docs/systemd.md has 1.6, of this scale of 0 to 10; systemd's other versions count a little differently
    const security = ["security", "--offline=yes", "--no-pager", "--threshold=20"];
    expect((await runCommand("systemd-analyze", [...security, join(directory, "relayd.service")])).code).toBe(0);
  } finally {
    await rm(directory, { recursive: true });
  }
});

it("each system call of a relayd's life is one that the unit allows, and each kind of socket", async () => {
  const directory = await mkdtemp(join(tmpdir(), "relay-trace-"));
  const trace = join(directory, "trace");
  const relay = await RunningRelay.prepare({
    yaml: "metrics: { listen: 127.0.0.1:0 }\naudit: { file: audit.ndjson }\nsplice: kernel",
    tls: "crl: crl.pem",
    under: ["strace", "-D", "-f", "-q", "-s", "0", "-e", "signal=none", "-o", trace],
  });
  await relay.write("crl.pem", await relay.authority.crl({ revoked: [] }));
  const config = await relay.read("relayd.yaml");
  const readOnly = "control: { socket: run/relayd.sock, readOnlySocket: look/relayd.sock, readOnlyGroup: 0 }";
  await relay.write("relayd.yaml", config.replace(/^control: .*$/m, readOnly));
  relay.environment = { NOTIFY_SOCKET: join(directory, "nobody"), WATCHDOG_USEC: "200000" };
  try {
    await relay.boot();
    await live(relay);
    await relay.stop();
    const traced = await until("strace has written its last line", async () => {
      const text = await readFile(trace, "utf8");
      return text.includes("exited with 0") ? text : undefined;
    });
    const allowed = await allowedCalls();
    const calls = new Set([...traced.matchAll(/^\d+ +(\w+)\(/gm)].map(([, call = ""]) => call));
    expect([...calls].filter((call) => !allowed.has(call))).toEqual([]);
    expect([...calls]).toEqual(expect.arrayContaining(["splice", "epoll_wait", "chown", "execve"]));
    const families = new Set([...traced.matchAll(/ socket\((AF_\w+)/g)].map(([, family]) => family));
    const [allowedFamilies = ""] = await settings("RestrictAddressFamilies");
    expect([...families].filter((family) => !allowedFamilies.split(" ").includes(family ?? ""))).toEqual([]);
  } finally {
    await rm(directory, { recursive: true });
  }
}, 60_000);

/** What relayd may have to do while it runs, once each. */
async function live(relay: RunningRelay): Promise<void> {
  const [f1, f2] = [await relay.issue("f1"), await relay.issue("f2")];
  await relay.control.addRoute({ f1: "f1", f2: "f2" });
  for (const transport of ["raw", "tls"] as const) {
    const { ends } = await meet(relay, f1, f2, [{ transport }, { transport }]);
    const arrived = ends[1].rest();
    ends[0].stream.end("x".repeat(1 << 20));
    ends[1].stream.end();
    expect((await arrived).length).toBe(1 << 20);
    for (const end of ends) end.destroy();
  }
  await relay.control.reload();
  await relay.control.deleteRoute("f1", "f2");
  await relay.quiet();
}

/** The system calls that SystemCallFilter leaves, by what systemd says of its groups. */
async function allowedCalls(): Promise<ReadonlySet<string>> {
  const { stdout } = await runCommand("systemd-analyze", ["syscall-filter", "--no-pager"]);
  const groups = new Map<string, string[]>();
  let members: string[] = [];
  for (const line of stdout.split("\n")) {
    if (line.startsWith("@")) {
      members = [];
      groups.set(line, members);
    } else if (/^ +[@\w]/.test(line)) members.push(line.trim());
  }
  const callsOf = (name: string): string[] =>
    name.startsWith("@") ? (groups.get(name) ?? []).flatMap(callsOf) : [name];
  const allowed = new Set(callsOf("@default"));
  for (const filter of await settings("SystemCallFilter")) {
    const names = filter.replace("~", "").split(" ").flatMap(callsOf);
    for (const name of names) {
      if (filter.startsWith("~")) allowed.delete(name);
      else allowed.add(name);
    }
  }
  return allowed;
}
