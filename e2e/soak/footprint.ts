/** What a relayd has and holds, looked at again and again; and whether its memory grows. */
import { residentBytes } from "../faults/plain-sessions.ts";

const INTERVAL_MS = 1_000;
/** Garbage comes and goes: of each stretch the least is what is kept. */
const STRETCH = 10;
const MIB = 1 << 20;

export interface Growth {
  readonly firstMiB: number;
  readonly lastMiB: number;
  readonly mostMiB: number;
  /** of the line through the least of each 10 s, the first third left out */
  readonly mibPerHour: number;
  readonly samples: number;
}

export class Footprint {
  readonly #pid: number;
  readonly #began = performance.now();
  readonly #samples: { readonly hours: number; readonly mib: number }[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#look(), INTERVAL_MS);
    this.#look();
  }

  stop(): Growth {
    clearInterval(this.#timer);
    const all = this.#samples.map(({ mib }) => mib);
    const least = leastOfEach(this.#samples.slice(Math.floor(this.#samples.length / 3)));
    return {
      firstMiB: rounded(all[0] ?? 0),
      lastMiB: rounded(all.at(-1) ?? 0),
      mostMiB: rounded(Math.max(...all)),
      mibPerHour: rounded(slope(least)),
      samples: all.length,
    };
  }

  #look(): void {
    const hours = (performance.now() - this.#began) / 3_600_000;
    this.#samples.push({ hours, mib: residentBytes(this.#pid) / MIB });
  }
}

type Sample = { readonly hours: number; readonly mib: number };

function leastOfEach(samples: readonly Sample[]): Sample[] {
  const least: Sample[] = [];
  for (let at = 0; at + STRETCH <= samples.length; at += STRETCH) {
    least.push(samples.slice(at, at + STRETCH).reduce((one, other) => (other.mib < one.mib ? other : one)));
  }
  return least;
}

/** Least squares. */
function slope(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number) => samples.reduce((sum, each) => sum + of(each), 0) / samples.length;
  const [hours, mib] = [mean((each) => each.hours), mean((each) => each.mib)];
  const over = samples.reduce((sum, each) => sum + (each.hours - hours) * (each.mib - mib), 0);
  const under = samples.reduce((sum, each) => sum + (each.hours - hours) ** 2, 0);
  return under === 0 ? 0 : over / under;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
