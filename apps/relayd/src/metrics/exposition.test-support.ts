/** For the tests of metrics: Prometheus' text format, read. */

export interface Exposed {
  /** the types, by name of the metric */
  readonly types: ReadonlyMap<string, string>;
  /** names of labels but `le`, by name of the metric */
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>;
  /** The value of a series, written as in the text: `relayd_sessions_ended_total{reason="reset"}`. */
  readonly value: (series: string) => number | undefined;
}

export function readExposition(text: string): Exposed {
  const types = new Map<string, string>();
  const labels = new Map<string, Set<string>>();
  const values = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, typed = "", type = ""] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (typed !== "") {
      types.set(typed, type);
      labels.set(typed, new Set());
    }
    if (line === "" || line.startsWith("#")) continue;
    const [, series = "", name = "", list = "", value = ""] = /^((\w+)(?:\{(.*)\})?) (\S+)$/.exec(line) ?? [];
    if (series === "") throw new Error(`not Prometheus' text format: ${line}`);
    values.set(series, Number(value));
    const metric = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, "");
    for (const [, label = ""] of list.matchAll(/(\w+)="/g)) if (label !== "le") labels.get(metric)?.add(label);
  }
  return { types, labels, value: (series) => values.get(series) };
}
