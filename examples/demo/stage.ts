/** The demo's processes, and what of them is shown. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const COLORS = { relayd: 33, relayctl: 36, f1: 32, f2: 35 } as const;
const useColor = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;

/** Makes of a line what is shown of it; null shows nothing. */
type Show = (line: string) => string | null;

export interface Player {
  readonly ended: Promise<number | null>;
  /** the first line that matches, there already or yet to come */
  line(pattern: RegExp): Promise<string>;
  /** how many lines hold `text` */
  printed(text: string): number;
  kill(): void;
}

export class Stage {
  readonly #children = new Set<ChildProcess>();

  scene(title: string): void {
    process.stdout.write(`\n${bold(title)}\n`);
  }

  say(text: string): void {
    process.stdout.write(`  ${text}\n`);
  }

  /** Runs a command to its end, showing it and what it prints. */
  async run(program: string, args: readonly string[], show: Show = (line) => line): Promise<void> {
    this.say(`${paint("$", "relayctl")} ${program} ${args.join(" ")}`);
    const player = this.start(program, args, {}, show);
    const code = await player.ended;
    if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${code}`);
  }

  start(
    program: string,
    args: readonly string[],
    env: Record<string, string> = {},
    show: Show = (line) => line,
  ): Player {
    const bin = fileURLToPath(new URL(`../../apps/${program}/bin/${program}.js`, import.meta.url));
    const child = spawn(process.execPath, [bin, ...args], {
      env: { ...process.env, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#children.add(child);
    const lines: string[] = [];
    const watchers = new Set<() => void>();
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        lines.push(line);
        const shown = show(line);
        if (shown !== null) this.say(`  ${label(program, shown)}`);
        for (const watcher of watchers) watcher();
      });
    }
    const ended = once(child, "close").then(([code]) => {
      this.#children.delete(child);
      for (const watcher of watchers) watcher();
      return code as number | null;
    });
    return {
      ended,
      kill: () => child.kill("SIGTERM"),
      printed: (text) => lines.filter((line) => line.includes(text)).length,
      line: (pattern) =>
        new Promise((resolve, reject) => {
          const look = () => {
            const found = lines.find((line) => pattern.test(line));
            if (found !== undefined) resolve(found);
            else if (!this.#children.has(child)) reject(new Error(`${program} ended:\n${lines.join("\n")}`));
          };
          watchers.add(look);
          look();
        }),
    };
  }

  async endProcesses(): Promise<void> {
    await Promise.all(
      [...this.#children].map(async (child) => {
        child.kill("SIGKILL");
        await once(child, "close");
      }),
    );
  }
}

function label(program: string, line: string): string {
  const who = /^(f[12]):/.exec(line)?.[1] ?? program;
  return who in COLORS ? paint(line, who as keyof typeof COLORS) : line;
}

function paint(text: string, who: keyof typeof COLORS): string {
  return useColor ? `\x1b[${COLORS[who]}m${text}\x1b[0m` : text;
}

function bold(text: string): string {
  return useColor ? `\x1b[1m${text}\x1b[0m` : text;
}
