/** Dials from where the test is not: a process in a network namespace of its own makes the connections, and hands them over. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("./network-dialler.js", import.meta.url));

export class Dialler {
  readonly #child: ChildProcess;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** @param under a command that starts it in its own place: ["ip", "netns", "exec", …] */
  static async start(under: readonly string[]): Promise<Dialler> {
    const [command, ...args] = [...under, process.execPath, PROGRAM];
    const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    await once(child, "message");
    return new Dialler(child);
  }

  /** Rejects where there is no way. */
  dial(host: string, port: number): Promise<Socket> {
    const dialled = this.#last.then(() => this.#dial(host, port)); // an answer does not say which question it is for
    this.#last = dialled.catch(() => {});
    return dialled;
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.disconnect();
    await ended;
  }

  async #dial(host: string, port: number): Promise<Socket> {
    this.#child.send({ host, port });
    const [answer, socket] = (await once(this.#child, "message")) as [
      { readonly error: string | null },
      Socket | undefined,
    ];
    if (socket === undefined) throw new Error(`no connection to ${host}: ${answer.error}`);
    socket.allowHalfOpen = true; // is not told along with the socket
    return socket;
  }
}
