/** What is measured: the columns of the table, their units, and medians of them. */

export interface Column {
  readonly title: string;
  readonly digits: number;
  /** from the unit of the samples (seconds, bytes, GiB/s) to the one that is shown */
  readonly scale: number;
}

export const columns = {
  rate1: { title: "GiB/s, 1 pair", digits: 2, scale: 1 },
  cpu1: { title: "relay CPU s/GiB, 1 pair", digits: 3, scale: 1 },
  rate16: { title: "GiB/s, 16 pairs", digits: 2, scale: 1 },
  cpu16: { title: "relay CPU s/GiB, 16 pairs", digits: 3, scale: 1 },
  pingP50: { title: "round trip p50 µs", digits: 0, scale: 1e6 },
  pingP99: { title: "round trip p99 µs", digits: 0, scale: 1e6 },
  setupCpu: { title: "set-up CPU ms", digits: 2, scale: 1e3 },
  setupP50: { title: "set-up p50 ms", digits: 2, scale: 1e3 },
  setupP99: { title: "set-up p99 ms", digits: 2, scale: 1e3 },
  setupRate: { title: "pairs/s, 16 in flight", digits: 0, scale: 1 },
  setupCpu16: { title: "CPU ms, 16 in flight", digits: 2, scale: 1e3 },
  idleFew: { title: "KiB per idle session, few", digits: 1, scale: 1 / 1024 },
  idleMany: { title: "KiB per idle session, many", digits: 1, scale: 1 / 1024 },
  parkedFew: { title: "KiB per parked client, few", digits: 1, scale: 1 / 1024 },
  parkedMany: { title: "KiB per parked client, many", digits: 1, scale: 1 / 1024 },
} as const satisfies Record<string, Column>;

export type ColumnName = keyof typeof columns;

export const columnNames = Object.keys(columns) as ColumnName[];

export type Measured = { readonly [name in ColumnName]?: number };

/** Samples of several rounds. */
export class Samples {
  readonly #values = new Map<ColumnName, number[]>();

  add(measured: Measured): void {
    for (const name of columnNames) {
      const value = measured[name];
      if (value !== undefined) this.#values.set(name, [...(this.#values.get(name) ?? []), value]);
    }
  }

  medians(): Measured {
    return Object.fromEntries([...this.#values].map(([name, values]) => [name, median(values)]));
  }

  all(): Readonly<Record<string, readonly number[]>> {
    return Object.fromEntries(this.#values);
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
