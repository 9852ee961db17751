/**
 * A relay and two functions on machines of their own, as far as the network goes: namespaces, and a cable from each function to
 * the relay, which can be pulled. Needs root, iproute2 and nftables.
 */
import { spawnSync } from "node:child_process";
import type { Socket } from "node:net";
import { atExit } from "./at-exit.ts";
import { Dialler } from "./dialler.ts";
import { runCommand } from "./programs.ts";

export type Place = "f1" | "f2";

const PLACES = ["f1", "f2"] as const;

/** How a cable is out: packets are lost on arrival, at both its ends; or the function's interface is down. */
export type Pull = "drop" | "down";

export class Network {
  /** a command that runs another where the relay is */
  readonly atRelay: readonly string[];
  readonly #names: Readonly<Record<Place | "relay", string>>;
  readonly #diallers = new Map<Place, Dialler>();
  readonly #forget: () => void;

  private constructor() {
    const name = (place: string) => `relay-test-${process.pid}-${place}`;
    this.#names = { relay: name("relay"), f1: name("f1"), f2: name("f2") };
    this.atRelay = ["ip", "netns", "exec", this.#names.relay];
    this.#forget = atExit(() => this.#forceAway());
  }

  static async make(): Promise<Network> {
    const network = new Network();
    try {
      await network.#lay();
      return network;
    } catch (error) {
      for (const dialler of network.#diallers.values()) await dialler.stop();
      network.#forceAway();
      network.#forget();
      throw error;
    }
  }

  /** A TCP connection from a function's machine to a port of the relay's. Rejects where there is no way. */
  async dial(from: Place, port: number): Promise<Socket> {
    const dialler = this.#diallers.get(from);
    if (dialler === undefined) throw new Error("the network is gone");
    return await dialler.dial(addresses(from).relay, port);
  }

  /** How many TCP connections there are at a function's machine, as its kernel sees it: those that were reset do not count. */
  async connections(place: Place): Promise<number> {
    const rows = await must("ip", ["netns", "exec", this.#names[place], "cat", "/proc/net/tcp"]);
    return rows.split("\n").filter((row) => /^ *\d+: \S+ \S+ (?!06)/.test(row)).length; // 06: TIME_WAIT
  }

  async pull(place: Place, how: Pull = "drop"): Promise<void> {
    if (how === "down") {
      await this.#ip("-n", this.#names[place], "link", "set", "relay", "down");
      return;
    }
    await this.#dropAt(this.#names.relay, place);
    await this.#dropAt(this.#names[place], "relay");
  }

  async mend(place: Place, how: Pull = "drop"): Promise<void> {
    if (how === "down") {
      await this.#ip("-n", this.#names[place], "link", "set", "relay", "up");
      return;
    }
    await this.#nft(this.#names[place], "delete table netdev pulled_relay");
    await this.#nft(this.#names.relay, `delete table netdev pulled_${place}`);
  }

  async remove(): Promise<void> {
    for (const dialler of this.#diallers.values()) await dialler.stop();
    this.#diallers.clear();
    for (const name of Object.values(this.#names)) await this.#ip("netns", "delete", name);
    this.#forget();
  }

  #forceAway(): void {
    for (const name of Object.values(this.#names)) spawnSync("ip", ["netns", "delete", name]);
  }

  async #lay(): Promise<void> {
    for (const name of Object.values(this.#names)) {
      await this.#ip("netns", "add", name);
      await this.#ip("-n", name, "link", "set", "lo", "up");
    }
    for (const place of PLACES) {
      const [relay, own] = [this.#names.relay, this.#names[place]];
      await this.#ip("-n", relay, "link", "add", place, "type", "veth", "peer", "name", "relay", "netns", own);
      const { relay: relayAddress, own: ownAddress } = addresses(place);
      await this.#ip("-n", relay, "address", "add", `${relayAddress}/30`, "dev", place);
      await this.#ip("-n", own, "address", "add", `${ownAddress}/30`, "dev", "relay");
      await this.#ip("-n", relay, "link", "set", place, "up");
      await this.#ip("-n", own, "link", "set", "relay", "up");
      this.#diallers.set(place, await Dialler.start(["ip", "netns", "exec", own]));
    }
  }

  /** What arrives there by `device` is lost, before anything has seen it: the sender cannot tell. */
  async #dropAt(namespace: string, device: string): Promise<void> {
    const chain = `type filter hook ingress device "${device}" priority 0; policy drop;`;
    await this.#nft(namespace, `add table netdev pulled_${device}; add chain netdev pulled_${device} in { ${chain} }`);
  }

  async #nft(namespace: string, commands: string): Promise<void> {
    await must("ip", ["netns", "exec", namespace, "nft", commands]);
  }

  async #ip(...args: string[]): Promise<void> {
    await must("ip", args);
  }
}

function addresses(place: Place): { readonly relay: string; readonly own: string } {
  const net = PLACES.indexOf(place) + 1;
  return { relay: `10.213.${net}.1`, own: `10.213.${net}.2` };
}

async function must(command: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr.trim()}`);
  return stdout;
}
