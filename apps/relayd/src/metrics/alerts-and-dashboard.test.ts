import { readFile } from "node:fs/promises";
import { parser } from "@prometheus-io/lezer-promql";
import { CLOSE_REASONS, DROP_REASONS } from "@serverless-relay/core";
import { REFUSALS } from "@serverless-relay/protocol";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";

const read = (path: string) => readFile(new URL(`../../../../docs/${path}`, import.meta.url), "utf8");
/** Prometheus makes it itself, for each target. */
const OF_PROMETHEUS = ["up"];
const REASONS = [...Object.keys(REFUSALS), ...DROP_REASONS, ...CLOSE_REASONS] as readonly string[];

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

let rules: readonly Rule[];
let panels: readonly Panel[];
/** docs/metrics.md has every metric that is served, and no other: metrics.test.ts */
let metrics: ReadonlySet<string>;

beforeAll(async () => {
  const { groups } = parse(await read("alerts/relayd.rules.yml")) as { groups: { rules: Rule[] }[] };
  rules = groups.flatMap((group) => group.rules);
  panels = (JSON.parse(await read("dashboards/relayd.json")) as { panels: Panel[] }).panels;
  const rows = (await read("metrics.md")).matchAll(/^\| `(\w+)` +\| (counter|gauge|histogram) /gm);
  const names = [...rows].flatMap(([, name = "", type]) =>
    type === "histogram" ? ["_bucket", "_sum", "_count"].map((part) => `${name}${part}`) : [name],
  );
  metrics = new Set([...names, ...OF_PROMETHEUS]);
});

/** What is wrong with a PromQL expression: its syntax, a metric that there is not, a reason that nothing ever has. */
function flaws(expr: string): string[] {
  const found: string[] = [];
  parser.parse(expr).iterate({
    enter({ type, from, to }) {
      const text = expr.slice(from, to);
      if (type.isError) found.push(`syntax, at ${from}`);
      if (type.name === "VectorSelector") {
        const [name = ""] = /^\w*/.exec(text) ?? [];
        if (!metrics.has(name)) found.push(`there is no metric ${name}`);
      }
      if (type.name !== "UnquotedLabelMatcher") return;
      const [, reasons = ""] = /^reason\s*[=!]~?\s*"(.*)"$/.exec(text) ?? [];
      for (const reason of reasons.split("|").filter((part) => part !== "")) {
        if (!REASONS.includes(reason)) found.push(`there is no reason ${reason}`);
      }
    },
  });
  return found;
}

describe("the alert rules", () => {
  it("ask for metrics and reasons that there are", () => {
    expect(rules.length).toBeGreaterThan(10);
    for (const { alert, expr } of rules) expect({ alert, flaws: flaws(expr) }).toEqual({ alert, flaws: [] });
  });

  it("have names of their own, a severity, and say what is the matter and what to do", () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { alert, labels, annotations } of rules) {
      expect(alert).toMatch(/^Relayd[A-Z]\w+$/);
      expect(["page", "ticket"]).toContain(labels.severity);
      expect(annotations.summary).toContain("$labels.instance");
      expect(annotations.description).toMatch(/[.?]$/);
    }
  });
});

describe("the dashboard", () => {
  it("asks for metrics and reasons that there are", () => {
    const shown = panels.filter(({ type }) => type !== "row");
    expect(shown.length).toBeGreaterThan(15);
    for (const { title, targets = [] } of shown) {
      expect(targets.length).toBeGreaterThan(0);
      // Grafana puts a duration there
      for (const { expr } of targets) {
        const found = flaws(expr.replaceAll("$__rate_interval", "5m"));
        expect({ title, found }).toEqual({ title, found: [] });
      }
    }
  });
});

it("this test notices what is wrong", () => {
  expect(flaws("sum(relayd_parked")).not.toEqual([]);
  expect(flaws("rate(relayd_nothing_total[5m])")).toEqual(["there is no metric relayd_nothing_total"]);
  expect(flaws('relayd_refused_total{reason=~"full|bored"}')).toEqual(["there is no reason bored"]);
});
