/** What a relayd holds in memory, looked at again and again; and whether that grows. */
import { residentBytes } from "../faults/plain-sessions.ts";

const INTERVAL_MS = 1_000;
/** Garbage comes and goes: of each stretch the least is what is kept. */
const STRETCH = 10;
const MIB = 1 << 20;
/** MiB an hour: what a relay may grow by. */
const MOST_GROWTH = 1;

export interface Sample {
  readonly hours: number;
  readonly mib: number;
}

export interface Growth extends Readonly<Record<string, number>> {
  readonly firstMiB: number;
  readonly lastMiB: number;
  readonly mostMiB: number;
  /** of the line through the least of each 10 s, the first third left out */
  readonly mibPerHour: number;
  /** the line's standard error: a short run says little */
  readonly plusOrMinus: number;
}

export class Footprint {
  readonly #pid: number;
  readonly #began = performance.now();
  readonly #samples: Sample[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#look(), INTERVAL_MS);
    this.#look();
  }

  /** Throws if it has grown by more than it may, beyond doubt. */
  stop(): Growth {
    clearInterval(this.#timer);
    return growthOf(this.#samples);
  }

  #look(): void {
    const hours = (performance.now() - this.#began) / 3_600_000;
    this.#samples.push({ hours, mib: residentBytes(this.#pid) / MIB });
  }
}

export function growthOf(samples: readonly Sample[]): Growth {
  const all = samples.map(({ mib }) => mib);
  const { slope, error } = lineThrough(leastOfEach(samples.slice(Math.floor(samples.length / 3))));
  const growth = {
    firstMiB: rounded(all[0] ?? 0),
    lastMiB: rounded(all.at(-1) ?? 0),
    mostMiB: rounded(Math.max(...all)),
    mibPerHour: rounded(slope),
    plusOrMinus: rounded(error),
  };
  if (slope - 2 * error > MOST_GROWTH) throw new Error(`memory grows: ${JSON.stringify(growth)}`);
  return growth;
}

function leastOfEach(samples: readonly Sample[]): Sample[] {
  const least: Sample[] = [];
  for (let at = 0; at + STRETCH <= samples.length; at += STRETCH) {
    least.push(samples.slice(at, at + STRETCH).reduce((one, other) => (other.mib < one.mib ? other : one)));
  }
  return least;
}

/** Least squares. */
function lineThrough(samples: readonly Sample[]): { slope: number; error: number } {
  const mean = (of: (sample: Sample) => number) => samples.reduce((sum, each) => sum + of(each), 0) / samples.length;
  const [hours, mib] = [mean((each) => each.hours), mean((each) => each.mib)];
  const spread = samples.reduce((sum, each) => sum + (each.hours - hours) ** 2, 0);
  if (samples.length < 3 || spread === 0) return { slope: 0, error: Number.POSITIVE_INFINITY };
  const slope = samples.reduce((sum, each) => sum + (each.hours - hours) * (each.mib - mib), 0) / spread;
  const left = samples.reduce((sum, each) => sum + (each.mib - mib - slope * (each.hours - hours)) ** 2, 0);
  return { slope, error: Math.sqrt(left / (samples.length - 2) / spread) };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
