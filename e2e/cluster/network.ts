/**
 * A network of the test's own: hosts with addresses of their own on one switch, made of network namespaces, in which a
 * firewall can cut them off from one another. Nothing outside sees it, and it is gone with the processes that hold it.
 */
import { Running, runCommand } from "@serverless-relay/testkit";

/** A network namespace: what is run `under` it has this address. */
export interface Host {
  readonly address: string;
  readonly under: readonly string[];
}

export class Network {
  /** where the switch is: whatever is on neither of the hosts */
  readonly outside: Host;
  /** on the same machine as `outside`, by an address of its own, so that hosts can be cut off from it alone */
  readonly beside: Host;
  readonly hosts: readonly Host[];
  readonly #holders: readonly Running[];

  private constructor(outside: Host, beside: Host, hosts: readonly Host[], holders: readonly Running[]) {
    this.outside = outside;
    this.beside = beside;
    this.hosts = hosts;
    this.#holders = holders;
  }

  /** In a user namespace, so that this needs no privilege where those are allowed. */
  static async create(count: number): Promise<Network> {
    const hub = await hold(["unshare", "--user", "--map-root-user", "--net"]);
    const outside = hostAt(hub, "10.77.0.1");
    const setUp = ["link set lo up", "link add switch type bridge", "link set switch up"];
    for (const address of ["10.77.0.1", "10.77.0.2"]) setUp.push(`address add ${address}/24 dev switch`);
    for (const command of setUp) await runUnder(outside, "ip", command.split(" "));
    const holders = [hub];
    const hosts: Host[] = [];
    for (let index = 0; index < count; index++) {
      const holder = await hold([...outside.under, "unshare", "--net"]);
      holders.push(holder);
      hosts.push(await plugIn(outside, holder, `10.77.0.${10 + index}`));
    }
    return new Network(outside, hostAt(hub, "10.77.0.2"), hosts, holders);
  }

  /** From now on nothing passes between `host` and these, in either direction; what is sent is lost without a word. */
  async cut(host: Host, others: readonly Host[]): Promise<void> {
    const addresses = others.map(({ address }) => address).join(", ");
    const rules = `add table ip cuts
flush table ip cuts
table ip cuts {
  chain in { type filter hook input priority 0; ip saddr { ${addresses} } drop; }
  chain out { type filter hook output priority 0; ip daddr { ${addresses} } drop; }
}`;
    await runUnder(host, "nft", [rules]);
  }

  /** Everything passes again to and from `host`. */
  async heal(host: Host): Promise<void> {
    await runUnder(host, "nft", ["flush ruleset"]);
  }

  /** How many TCP connections there are outside to this port of a host, as the kernel sees it: those that were reset do not count. */
  async connectionsTo(port: number): Promise<number> {
    const table = await runUnder(this.outside, "cat", ["/proc/net/tcp"]);
    const remote = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
    const rows = table.split("\n").map((row) => row.trim().split(/ +/));
    return rows.filter(([, , to, state]) => to?.endsWith(remote) && state !== "06").length; // 06: TIME_WAIT
  }

  /** What runs there must have ended. */
  async remove(): Promise<void> {
    await Promise.all(this.#holders.map((holder) => holder.stop("SIGKILL")));
  }
}

/** A process that keeps a new namespace. `cat` ends with the test: its standard input is this process. */
async function hold(unshare: readonly string[]): Promise<Running> {
  const [command, ...args] = [...unshare, "sh", "-c", "echo made; exec cat"];
  const holder = Running.startCommand(command, args, { stdin: "open" });
  await holder.line(/^made$/);
  return holder;
}

function hostAt({ pid }: Running, address: string): Host {
  return { address, under: ["nsenter", `--target=${pid}`, "--user", "--net", "--preserve-credentials"] };
}

async function plugIn(outside: Host, holder: Running, address: string): Promise<Host> {
  const host = hostAt(holder, address);
  const port = `port${address.split(".").at(-1)}`;
  for (const command of [
    `link add ${port} type veth peer name eth0 netns ${holder.pid}`,
    `link set ${port} master switch up`,
  ]) {
    await runUnder(outside, "ip", command.split(" "));
  }
  for (const command of ["link set lo up", "link set eth0 up", `address add ${address}/24 dev eth0`]) {
    await runUnder(host, "ip", command.split(" "));
  }
  return host;
}

async function runUnder({ under }: Host, program: string, args: readonly string[]): Promise<string> {
  const [command = "", ...rest] = [...under, program, ...args];
  const { code, stdout, stderr } = await runCommand(command, rest);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
  return stdout;
}
