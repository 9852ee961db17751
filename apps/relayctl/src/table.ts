/** Tables for people: aligned columns, two spaces apart, no rules, nothing cut off. */
import { printable, type Styles } from "./styles.ts";

export interface Column {
  readonly header: string;
  readonly align?: "left" | "right";
}

/** One string a line. Cells are shown as they are, but for control characters. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  styles: Styles,
): string[] {
  const { head, line } = layOut(columns, rows, styles);
  return [head, ...rows.map(line)];
}

export interface Layout {
  readonly head: string;
  readonly line: (row: readonly string[]) => string;
}

/** Columns as wide as the widest of these rows. A row that comes later, and is wider, sticks out: nothing is cut off. */
export function layOut(columns: readonly Column[], rows: readonly (readonly string[])[], styles: Styles): Layout {
  const widths = columns.map(({ header }) => header.length);
  for (const row of rows) {
    for (const [index, width] of widths.entries()) widths[index] = Math.max(width, row[index]?.length ?? 0);
  }
  const aligned = (texts: readonly string[]) =>
    texts
      .map((text, index) => pad(text, widths[index] ?? 0, columns[index]?.align))
      .join("  ")
      .trimEnd();
  return {
    head: styles.bold(aligned(columns.map(({ header }) => header))),
    line: (row) => aligned(columns.map((_column, index) => printable(row[index] ?? ""))),
  };
}

function pad(text: string, width: number, align: Column["align"] = "left"): string {
  return align === "right" ? text.padStart(width) : text.padEnd(width);
}
