import { setTimeout as after } from "node:timers/promises";
import * as Flags from "@oclif/core/flags";
import type { ControlClient } from "@serverless-relay/control-api/client";
import { DaemonCommand } from "../daemon-command.ts";
import { durationFlag } from "../duration-flag.ts";
import { enough } from "../stdout.ts";
import { stylesFor } from "../styles.ts";
import { drawFrame, ORDERS, type Order, type Sample } from "../top/frame.ts";
import { Screen } from "../top/screen.ts";

const KEYS: Readonly<Record<string, Order>> = { r: "rate", b: "bytes", a: "age" };

export default class Top extends DaemonCommand {
  static override summary = "Watch sessions, rates and the parked, live.";
  static override description =
    "Keys: r, b and a sort by rate, bytes and age; space pauses; q quits. Where standard output is no terminal, it prints pictures one below the other: --count of them, or one.";
  static override examples = [
    "<%= config.bin %> <%= command.id %>",
    "<%= config.bin %> <%= command.id %> --interval 5s --sort bytes",
    "<%= config.bin %> <%= command.id %> --count 10 > rates.txt",
  ];
  static override flags = {
    interval: durationFlag("interval", "How long between two pictures. Default: 1s."),
    count: Flags.integer({ min: 1, summary: "How many pictures. Default: until q; one where there is no terminal." }),
    sort: Flags.option({
      options: ORDERS,
      default: "rate" as const,
      summary: "By what sessions are sorted at first.",
    })(),
  };

  override async run(): Promise<{ samples: readonly Sample[] }> {
    const { flags } = await this.parse(Top);
    const { socket, interval = 1, count, sort } = flags;
    const isLive = process.stdout.isTTY && process.stdin.isTTY && !this.jsonEnabled();
    return await this.askDaemon(socket, async (daemon) =>
      isLive
        ? await watch(daemon, { intervalMs: interval * 1000, count: count ?? Number.POSITIVE_INFINITY, order: sort })
        : await this.#print(daemon, { intervalMs: interval * 1000, count: count ?? 1, order: sort }),
    );
  }

  async #print(daemon: ControlClient, { intervalMs, count, order }: Wish): Promise<{ samples: readonly Sample[] }> {
    const styles = stylesFor(process.stdout, process.env);
    const stop = enough();
    const samples: Sample[] = [];
    for (let index = 0; index < count && !stop.aborted; index++) {
      if (index > 0) await after(intervalMs, undefined, { signal: stop }).catch(() => {});
      const sample = await take(daemon);
      const before = samples.at(-1) ?? null;
      samples.push(sample);
      const size = { columns: Number.POSITIVE_INFINITY, rows: Number.POSITIVE_INFINITY };
      this.log(`${drawFrame({ sample, before, order, paused: false, ...size }, styles).join("\n")}\n`);
    }
    return { samples };
  }
}

interface Wish {
  readonly intervalMs: number;
  readonly count: number;
  readonly order: Order;
}

async function take(daemon: ControlClient): Promise<Sample> {
  const [status, sessions, parked] = await Promise.all([daemon.status(), daemon.listSessions(), daemon.listParked()]);
  return { at: Date.now(), status, sessions, parked };
}

/** On a terminal, until a key, a signal, or the end of relayd. */
async function watch(daemon: ControlClient, wish: Wish): Promise<{ samples: readonly Sample[] }> {
  const styles = stylesFor(process.stdout, process.env);
  const quit = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => quit.abort());
  let order = wish.order;
  let paused = false;
  let samples: readonly [before: Sample | null, now: Sample] | null = null;
  const draw = (): void => {
    if (samples === null) return;
    const [before, sample] = samples;
    screen.draw(drawFrame({ sample, before, order, paused, ...screen.size }, styles));
  };
  const onKey = (key: string): void => {
    if (key === "q" || key === "\u0003") quit.abort();
    else if (key === " ") paused = !paused;
    else order = KEYS[key] ?? order;
    draw();
  };
  const screen = new Screen(process.stdin, process.stdout, onKey, draw);
  try {
    for (let taken = 0; taken < wish.count && !quit.signal.aborted; ) {
      if (!paused) {
        samples = [samples?.[1] ?? null, await take(daemon)];
        taken++;
        draw();
      }
      await after(wish.intervalMs, undefined, { signal: quit.signal }).catch(() => {});
    }
  } finally {
    screen.close();
  }
  return { samples: [] };
}
