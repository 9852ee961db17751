/** What goes wrong during a schedule: to relays, to NATS, to the network between them; all of it is right again at the end. */
import { setTimeout as after } from "node:timers/promises";
import { type RunningRelay, until } from "@serverless-relay/testkit";
import type { Joined, Silence } from "./history.ts";
import type { Network } from "./network.ts";
import type { RunningCluster } from "./running-cluster.ts";

/** In [0, 1). */
export type Random = () => number;

/** Whoever must be up for a relay to start again may be away, too. */
const BACK_MS = 40_000;

export class Disturbance {
  readonly silences: Silence[] = [];
  /** in words, for whoever has to find out what went wrong */
  readonly story: string[] = [];
  readonly #joined: Joined[] = [];
  readonly #cluster: RunningCluster;
  readonly #network: Network;
  readonly #random: Random;
  /** lines of each relay's log that have been read */
  readonly #read: number[];
  readonly #began = Date.now();

  constructor(cluster: RunningCluster, network: Network, random: Random) {
    this.#cluster = cluster;
    this.#network = network;
    this.#random = random;
    this.#read = cluster.relays.map(({ process }) => process.lines.length);
  }

  /** One to three things happen to relays, and mostly one to NATS meanwhile. */
  async run(): Promise<void> {
    const { relays } = this.#plan();
    const ofNats = this.#random() < 0.5 ? this.#disturbNats() : null;
    for (const disturb of relays) await disturb();
    await ofNats;
    await until(
      "all relays have NATS",
      async () => {
        const states = this.#cluster.relays.map(async ({ control }) => (await control.status()).cluster?.nats);
        return (await Promise.all(states)).every((state) => state === "connected");
      },
      BACK_MS,
    );
  }

  /** What relays have joined until now, as far as their logs have been read. */
  collect(): readonly Joined[] {
    for (const index of this.#cluster.relays.keys()) this.#collectFrom(index);
    return this.#joined;
  }

  /** Chosen before any of it happens, so that the same seed is the same plan. */
  #plan(): { relays: (() => Promise<void>)[] } {
    const times = 1 + Math.floor(this.#random() * 3);
    const relays = Array.from({ length: times }, () => {
      const [pause, which, what, away] = [this.#random(), this.#random(), this.#random(), this.#random()];
      const index = Math.floor(which * this.#cluster.relays.length);
      const target = this.#random();
      return async () => {
        await after(pause * 300);
        if (what < 0.15) await this.#kill(index, away * 200);
        else if (what < 0.45) await this.#stop(index, 100 + away * 1_200);
        else await this.#cut(index, target, 100 + away * 1_400);
      };
    });
    return { relays };
  }

  async #kill(index: number, awayMs: number): Promise<void> {
    this.#tell(`relay ${index} is killed`);
    const from = Date.now();
    const relay = this.#cluster.relay(index);
    await relay.crash();
    this.#collectFrom(index);
    await after(awayMs);
    await until("the relay is back", () => this.#boot(relay), BACK_MS);
    this.#read[index] = 0;
    this.silences.push({ relay: index, from, until: Date.now(), killed: true });
    this.#tell(`relay ${index} is back`);
  }

  async #boot(relay: RunningRelay): Promise<boolean> {
    return await relay.boot().then(
      () => true,
      () => false, // NATS is away, too
    );
  }

  async #stop(index: number, awayMs: number): Promise<void> {
    this.#tell(`relay ${index} is stopped for ${Math.round(awayMs)} ms`);
    const from = Date.now();
    const { process } = this.#cluster.relay(index);
    process.kill("SIGSTOP");
    await after(awayMs);
    process.kill("SIGCONT");
    this.silences.push({ relay: index, from, until: Date.now() });
  }

  async #cut(index: number, target: number, awayMs: number): Promise<void> {
    const { hosts, beside } = this.#network;
    const host = hosts[index];
    if (host === undefined) throw new RangeError(`there is no host ${index}`);
    const others = hosts.filter((other) => other !== host);
    const [from, names] =
      target < 0.4
        ? [others, "the others"]
        : target < 0.7
          ? [[beside], "NATS"]
          : [[...others, beside], "all but functions"];
    this.#tell(`relay ${index} is cut off from ${names} for ${Math.round(awayMs)} ms`);
    await this.#network.cut(host, from);
    await after(awayMs);
    await this.#network.heal(host);
  }

  async #disturbNats(): Promise<void> {
    const { nats } = this.#cluster;
    const [pause, away, which, hard, many] = [0, 0, 0, 0, 0].map(() => this.#random()) as [
      number,
      number,
      number,
      number,
      number,
    ];
    await after(pause * 500);
    const signal = hard < 0.5 ? "SIGKILL" : "SIGTERM";
    const first = Math.floor(which * nats.size);
    // Of three, one leaves a majority, and two or three do not.
    const count = nats.size === 1 ? 1 : many < 0.6 ? 1 : many < 0.8 ? 2 : 3;
    this.#tell(`${count} of ${nats.size} NATS servers end by ${signal}`);
    await Promise.all(Array.from({ length: count }, (_, index) => nats.halt((first + index) % nats.size, signal)));
    await after(100 + away * 1_000);
    await nats.boot();
    this.#tell("NATS is back");
  }

  #tell(what: string): void {
    this.story.push(`${Date.now() - this.#began} ms: ${what}`);
  }

  #collectFrom(index: number): void {
    const { lines } = this.#cluster.relay(index).process;
    for (const line of lines.slice(this.#read[index])) {
      if (!line.includes('"event":"paired"')) continue;
      this.#joined.push({ relay: index, ...(JSON.parse(line) as Omit<Joined, "relay">) });
    }
    this.#read[index] = lines.length;
  }
}
