/** The report as a picture: bars for what tells the peers apart. SVG, made of strings. */
import { type ColumnName, columns } from "./columns.ts";
import type { PeerReport, Report } from "./report.ts";

interface Panel {
  readonly title: string;
  readonly column: ColumnName;
}

const PANELS: readonly Panel[] = [
  { title: "Relay CPU seconds per GiB, 1 pair", column: "cpu1" },
  { title: "Relay CPU seconds per GiB, 16 pairs", column: "cpu16" },
  { title: "Relay CPU ms to set up an authenticated pair", column: "setupCpu" },
  { title: "Round trip of one byte, p50, µs", column: "pingP50" },
  { title: "KiB per idle session", column: "idleMany" },
  { title: "KiB per parked client", column: "parkedMany" },
];

const WIDTH = 1000;
const PANEL_WIDTH = WIDTH / 2;
const LABEL_WIDTH = 190;
const BAR_WIDTH = PANEL_WIDTH - LABEL_WIDTH - 80;
const BAR_HEIGHT = 14;
const LINE_HEIGHT = 20;
const TITLE_HEIGHT = 40;
const OURS = "#0b7285";
const THEIRS = "#adb5bd";
/** A bar of more than this many times the median of its panel is cut, and its figure says how long it would be. */
const CUT = 6;

export function renderChart({ peers, machine, date }: Report): string {
  const drawn = PANELS.map((panel) => ({ panel, bars: barsOf(peers, panel.column) })).filter(
    ({ bars }) => bars.length > 0,
  );
  const parts: string[] = [];
  let top = 50;
  for (let at = 0; at < drawn.length; at += 2) {
    const beside = drawn.slice(at, at + 2);
    for (const [index, { panel, bars }] of beside.entries()) {
      parts.push(`<g transform="translate(${index * PANEL_WIDTH + 10} ${top})">${drawPanel(panel, bars)}</g>`);
    }
    top += TITLE_HEIGHT + Math.max(...beside.map(({ bars }) => bars.length)) * LINE_HEIGHT;
  }
  const machineLine = `${machine.cores} cores of ${machine.cpu}, Linux ${machine.kernel}, ${date.slice(0, 10)}; medians; less is better; » is longer than drawn`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top + 10}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="10" y="22" font-size="16" font-weight="bold" fill="#212529">serverless-relay and its peers, measured in one run</text>
<text x="10" y="40" fill="#868e96">${escaped(machineLine)}</text>
${parts.join("\n")}
</svg>
`;
}

interface Bar {
  readonly title: string;
  readonly ours: boolean;
  /** in the unit that is shown */
  readonly value: number;
}

function barsOf(peers: readonly PeerReport[], column: ColumnName): Bar[] {
  return peers
    .flatMap(({ name, title, medians }) => {
      // where the many were not measured, the few tell as much
      const few = column === "idleMany" ? medians.idleFew : column === "parkedMany" ? medians.parkedFew : undefined;
      const value = medians[column] ?? few;
      return value === undefined
        ? []
        : [{ title, ours: name.startsWith("relay-"), value: value * columns[column].scale }];
    })
    .toSorted((a, b) => a.value - b.value);
}

function drawPanel({ title, column }: Panel, bars: readonly Bar[]): string {
  const median = bars[bars.length >> 1]?.value ?? 1;
  const longest = Math.min(Math.max(...bars.map(({ value }) => value)), median * CUT);
  const lines = bars.map(({ title: label, ours, value }, index) => {
    const y = TITLE_HEIGHT - 12 + index * LINE_HEIGHT;
    const length = Math.max(1, (Math.min(Math.max(value, 0), longest) / longest) * BAR_WIDTH);
    const mark = value > longest ? " »" : "";
    return `<text x="${LABEL_WIDTH - 6}" y="${y + 11}" text-anchor="end" fill="#212529"${ours ? ' font-weight="bold"' : ""}>${escaped(label)}</text>
<rect x="${LABEL_WIDTH}" y="${y}" width="${length.toFixed(1)}" height="${BAR_HEIGHT}" fill="${ours ? OURS : THEIRS}"/>
<text x="${LABEL_WIDTH + length + 5}" y="${y + 11}" fill="#495057">${value.toFixed(columns[column].digits)}${mark}</text>`;
  });
  return `<text x="0" y="14" font-weight="bold" fill="#212529">${escaped(title)}</text>\n${lines.join("\n")}`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
