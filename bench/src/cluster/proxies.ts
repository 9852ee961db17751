/** HAProxy behind HAProxy: what a second hop costs on this machine, in a program that many know to be good at it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Ground } from "../ground.ts";
import { Load } from "../load.ts";
import { forwardWay, launch, type RunningPeer } from "../peer.ts";
import { config } from "../peers/haproxy.ts";
import { cpuSeconds } from "../process-tree.ts";
import { findProgram } from "../program.ts";
import type { Figures } from "./figures.ts";

const GIB = 2 ** 30;

export class Proxies {
  readonly #ground: Ground;
  readonly #target: number;
  readonly #near: Proxy;
  /** forwards to the near one */
  readonly #far: Proxy;

  private constructor(ground: Ground, target: number, near: Proxy, far: Proxy) {
    this.#ground = ground;
    this.#target = target;
    this.#near = near;
    this.#far = far;
  }

  /** Null if HAProxy is not installed. */
  static async start(ground: Ground): Promise<Proxies | null> {
    if (findProgram("haproxy") === null) return null;
    const target = await ground.freePort();
    const near = await startProxy(ground, "near", target);
    return new Proxies(ground, target, near, await startProxy(ground, "far", near.port));
  }

  /** One session, bytes one way, for so long. */
  async measure(seconds: number): Promise<Partial<Figures>> {
    const [proxyCpuOne, proxyCpuTwo] = [await this.#bulk(this.#near, seconds), await this.#bulk(this.#far, seconds)];
    return { proxyCpuOne, proxyCpuTwo };
  }

  async stop(): Promise<void> {
    for (const { running } of [this.#far, this.#near]) await running.stop();
  }

  /** CPU seconds of both for one GiB. */
  async #bulk({ port }: Proxy, seconds: number): Promise<number> {
    const peer = { pid: null, way: forwardWay(port, this.#target), stop: async () => {} };
    const load = await Load.start(this.#ground.native.load, "bulk", peer, { seconds });
    const used = () => [this.#near, this.#far].reduce((sum, { running }) => sum + cpuSeconds(running.pid ?? 0), 0);
    try {
      const before = used();
      const { bytes } = await load.go<{ bytes: number }>();
      return (used() - before) / (bytes / GIB);
    } finally {
      await load.end();
    }
  }
}

interface Proxy {
  readonly port: number;
  readonly running: RunningPeer;
}

async function startProxy(ground: Ground, name: string, target: number): Promise<Proxy> {
  const port = await ground.freePort();
  const directory = ground.makeDirectory(`haproxy-${name}`);
  const file = join(directory, "haproxy.cfg");
  writeFileSync(file, config(port, target, { pipeBytes: 1 << 20, tls: false }, ground));
  return {
    port,
    running: await launch({ name, command: "haproxy", args: ["-db", "-f", file], directory, way: [], ready: port }),
  };
}
