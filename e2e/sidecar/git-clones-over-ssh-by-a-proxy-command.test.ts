import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import {
  commandOf,
  environmentOf,
  type Finished,
  type ReservedPorts,
  Running,
  reservePorts,
  runCommand,
  Sidecars,
} from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

const SSHD = "/usr/sbin/sshd"; // it insists on an absolute path
/** As Debian's sshd wants it; a machine on which it was never started by systemd has none. */
const PRIVSEP_DIRECTORY = "/run/sshd";

let sidecars: Sidecars;
let ports: ReservedPorts;
let sshd: Running;
/** of the keys, the configurations and the repositories */
let directory: string;

beforeAll(async () => {
  [sidecars, ports] = await Promise.all([Sidecars.start(), reservePorts(1)]);
  directory = sidecars.relay.directory;
  for (const key of ["host", "user"])
    await run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", join(directory, key));
  if (userInfo().uid === 0) await mkdir(PRIVSEP_DIRECTORY, { recursive: true, mode: 0o755 });
  await writeFile(join(directory, "sshd_config"), serverConfiguration());
  await writeFile(join(directory, "ssh_config"), clientConfiguration());
  const [, publicKey] = (await sidecars.relay.read("host.pub")).split(" ");
  await writeFile(join(directory, "known_hosts"), `f2 ssh-ed25519 ${publicKey}\n`);
  sshd = Running.startCommand(SSHD, ["-D", "-e", "-f", join(directory, "sshd_config")]);
  await sshd.line(/Server listening/);
  await sidecars.expose(`127.0.0.1:${ports.first}`);
});

afterAll(async () => {
  await sshd.stop();
  await ports.release();
  await sidecars.finish();
});

function serverConfiguration(): string {
  return `ListenAddress 127.0.0.1:${ports.first}
HostKey ${join(directory, "host")}
AuthorizedKeysFile ${join(directory, "user.pub")}
PermitRootLogin prohibit-password
PasswordAuthentication no
StrictModes no
UsePAM no
PidFile none
`;
}

function clientConfiguration(): string {
  return `Host f2
  User ${userInfo().username}
  IdentityFile ${join(directory, "user")}
  IdentitiesOnly yes
  UserKnownHostsFile ${join(directory, "known_hosts")}
  ProxyCommand ${commandOf("relay-sidecar").join(" ")} forward --peer %h --stdio
`;
}

async function run(command: string, ...args: string[]): Promise<Finished> {
  const env = {
    ...environmentOf(sidecars.relay, sidecars.f1),
    GIT_SSH_COMMAND: `ssh -F ${join(directory, "ssh_config")}`,
    GIT_CONFIG_GLOBAL: "/dev/null",
  };
  const finished = await runCommand(command, args, { cwd: directory, env });
  expect(finished, `${command} ${args.join(" ")}`).toMatchObject({ code: 0 });
  return finished;
}

it("ssh runs a command, and has its input, its output and its exit code", async () => {
  const input = randomBytes(2_000_000).toString("base64");
  const ssh = ["-F", join(directory, "ssh_config"), "f2"];
  const env = environmentOf(sidecars.relay, sidecars.f1);
  const { code, stdout } = await runCommand("ssh", [...ssh, "cat; exit 3"], { env, input });
  expect(code).toBe(3);
  expect(stdout === input).toBe(true);
});

it("git clones, and pushes", async () => {
  const git = ["-c", "user.name=f1", "-c", "user.email=f1@example.org"];
  await run("git", "init", "--quiet", "--bare", "there.git");
  await run("git", "clone", "--quiet", `ssh://f2${directory}/there.git`, "here");
  await writeFile(join(directory, "here", "large"), randomBytes(3_000_000));
  await run("git", "-C", "here", "add", "large");
  await run("git", ...git, "-C", "here", "commit", "--quiet", "--message", "large");
  await run("git", "-C", "here", "push", "--quiet", "origin", "HEAD:main");
  await run("git", "clone", "--quiet", "--branch", "main", `ssh://f2${directory}/there.git`, "again");
  const [here, again] = await Promise.all(
    ["here", "again"].map((clone) => run("git", "-C", clone, "rev-parse", "HEAD")),
  );
  expect(again?.stdout).toBe(here?.stdout);
  await run("git", "-C", "again", "fsck", "--strict", "--no-progress");
});
