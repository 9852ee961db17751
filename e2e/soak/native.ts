/** The native ends of sessions: they send and verify faster than the relay carries, which Node's would not. */
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { atExit, Running, runCommand } from "@serverless-relay/testkit";

type NativeEnd = "flow" | "churn";

const sources = fileURLToPath(new URL("native/", import.meta.url));

export class NativeEnds {
  readonly #directory: string;
  readonly #directoryIsGone: () => void;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#directoryIsGone = atExit(() => rmSync(directory, { recursive: true, force: true }));
  }

  /** Compiles them. Rejects where there is no C compiler. */
  static async compile(): Promise<NativeEnds> {
    const directory = await mkdtemp(join(tmpdir(), "relay-soak-"));
    const ends = new NativeEnds(directory);
    for (const name of ["flow", "churn"] satisfies NativeEnd[]) {
      const args = ["-O2", "-Wall", "-Wextra", "-o", join(directory, name)];
      const { code, stderr } = await runCommand("gcc", [
        ...args,
        join(sources, `${name}.c`),
        join(sources, "net.c"),
        "-lpthread",
      ]);
      if (code !== 0)
        throw new Error(`cannot compile e2e/soak/native/${name}.c; install gcc and libc6-dev:\n${stderr}`);
    }
    return ends;
  }

  /** Starts one; `figures` are what it prints in the end. They reject if it found a byte that is not what was sent. */
  start(
    name: NativeEnd,
    args: readonly (string | number)[],
  ): { running: Running; figures: Promise<Record<string, number>> } {
    const running = Running.startCommand(join(this.#directory, name), args.map(String));
    const figures = running.ended.then((code) => {
      const last = running.lines.at(-1) ?? "";
      if (code !== 0) throw new Error(`${name} ended with ${code}: ${running.lines.join("\n")}`);
      return JSON.parse(last) as Record<string, number>;
    });
    figures.catch(() => {}); // whoever wants them hears of it
    return { running, figures };
  }

  async discard(): Promise<void> {
    await rm(this.#directory, { recursive: true });
    this.#directoryIsGone();
  }
}
