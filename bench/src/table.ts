/** The report as tables: Markdown, aligned, so that it reads well on a terminal, too. */
import { type ColumnName, columns } from "./columns.ts";
import type { PeerReport, Report } from "./report.ts";
import { judge } from "./targets.ts";

const TRAFFIC = ["rate1", "cpu1", "rate16", "cpu16", "pingP50", "pingP99"] as const;
const SETUP = ["setupCpu", "setupP50", "setupP99", "setupRate", "setupCpu16"] as const;
const MEMORY = ["idleFew", "idleMany", "parkedFew", "parkedMany"] as const;

export function renderReport(report: Report): string {
  const { plan, machine, peers } = report;
  const some = (names: readonly ColumnName[]) =>
    peers.filter(({ absent, medians }) => absent || names.some((name) => medians[name] !== undefined));
  const sections = [
    heading("Traffic", absolute(peers, TRAFFIC)),
    heading(
      "Setting up one authenticated pair: two mTLS admissions, and a byte each way",
      absolute(some(SETUP), SETUP),
    ),
    heading(
      `Memory: few is ${plan.few}, ${plan.many === null ? "many was not measured" : `many is ${plan.many}`}`,
      absolute(some(MEMORY), MEMORY),
    ),
    heading("Beside idle sessions: multiples of the same peer without them", beside(peers)),
    heading("Targets", verdicts(report)),
    [...notes(report), `${machine.cores} cores of ${machine.cpu}, Linux ${machine.kernel}.`].join("\n"),
  ];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

function heading(title: string, table: string): string {
  return table === "" ? "" : `### ${title}\n\n${table}`;
}

function absolute(peers: readonly PeerReport[], names: readonly ColumnName[]): string {
  return grid(
    ["", ...names.map((name) => columns[name].title)],
    peers.map((peer) => [peer.title, ...names.map((name) => cell(peer, name))]),
  );
}

function cell({ absent, failures, medians }: PeerReport, name: ColumnName): string {
  const value = medians[name];
  if (absent) return "absent";
  if (value === undefined) return failures.length > 0 ? "failed" : "–";
  return (value * columns[name].scale).toFixed(columns[name].digits);
}

function beside(peers: readonly PeerReport[]): string {
  const names = [...TRAFFIC, ...SETUP];
  const crowded = peers.filter(({ besideSessions }) => besideSessions > 0);
  if (crowded.length === 0) return "";
  return grid(
    ["", "idle sessions", ...names.map((name) => columns[name].title)],
    crowded.map(({ title, besideSessions, beside: ratios }) => [
      title,
      String(besideSessions),
      ...names.map((name) => ratios[name]?.toFixed(2) ?? "–"),
    ]),
  );
}

function verdicts(report: Report): string {
  const judged = judge(report);
  if (judged.length === 0) return "";
  return grid(
    ["this relay", "target", "found", ""],
    judged.map(({ what, wanted, found, holds }) => [what, wanted, found, holds ? "holds" : "MISSED"]),
  );
}

function* notes({ machine, peers, plan }: Report): Generator<string> {
  if (machine.cores < 4) {
    yield `With ${machine.cores} cores, relay and load ends share them: GiB/s of a row is what is left to it by the load, of which`;
    yield "direct loopback is the bound. CPU seconds per GiB do not suffer from that, and are the figure to go by.";
  }
  yield `Medians of ${plan.rounds} rounds${plan.many === null ? "" : " and of the turns beside idle sessions"}.`;
  for (const { title, failures } of peers) {
    for (const failure of failures) yield `${title} FAILED: ${failure}`;
  }
}

/** A table in Markdown; figures to the right. */
export function grid(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, at) => Math.max(title.length, 3, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((text, at) => (at === 0 ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0))).join(" | ")} |`;
  const rule = `| ${widths.map((width, at) => (at === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}
