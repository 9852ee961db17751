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
  const cells = rows.map((row) => columns.map((_column, index) => printable(row[index] ?? "")));
  const widths = columns.map(({ header }, index) =>
    Math.max(header.length, ...cells.map((row) => row[index]?.length ?? 0)),
  );
  const line = (texts: readonly string[]) =>
    texts
      .map((text, index) => pad(text, widths[index] ?? 0, columns[index]?.align))
      .join("  ")
      .trimEnd();
  return [styles.bold(line(columns.map(({ header }) => header))), ...cells.map(line)];
}

function pad(text: string, width: number, align: Column["align"] = "left"): string {
  return align === "right" ? text.padStart(width) : text.padEnd(width);
}
