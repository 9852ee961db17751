/** Metrics that are read when they are asked for, rather than kept. */
import type { Metric, Registry } from "prom-client";

export interface Value {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string | number>>;
  /** where it is not the metric's own: NAME_bucket, NAME_sum and NAME_count of a histogram */
  readonly metricName?: string;
}

export interface Reading {
  readonly name: string;
  readonly type: "gauge" | "counter" | "histogram";
  readonly help: string;
  /** A number alone is the value of a metric without labels. */
  readonly read: () => number | readonly Value[] | Promise<number>;
}

export function addReading(registry: Registry, { name, type, help, read }: Reading): void {
  const get = async () => {
    const found = await read();
    return { name, type, help, aggregator: "sum", values: typeof found === "number" ? [{ value: found }] : found };
  };
  // A registry asks of its metrics no more than this, which prom-client's types have no word for.
  registry.registerMetric({ name, type, help, get } as unknown as Metric);
}
