/** The process of functions.ts, from the outside. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Crowd } from "./functions.ts";
import type { EndHistory } from "./history.ts";

const program = fileURLToPath(new URL("functions.ts", import.meta.url));

export class Functions {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** @param under a command that starts it in its own place */
  static async start(under: readonly string[]): Promise<Functions> {
    const [command, ...args] = [...under, process.execPath, program];
    const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    await once(child, "message");
    return new Functions(child);
  }

  /** Has them wander, until each has talked to its peer or has given up. */
  async wander(crowd: Crowd): Promise<EndHistory[]> {
    this.#child.send(crowd);
    const [ends] = (await once(this.#child, "message")) as [EndHistory[]];
    return ends;
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }
}
