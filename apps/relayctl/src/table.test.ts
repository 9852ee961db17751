import { describe, expect, it } from "vitest";
import { PLAIN, stylesFor } from "./styles.ts";
import { formatTable } from "./table.ts";

const columns = [{ header: "ROUTE" }, { header: "SESSIONS", align: "right" }, { header: "LISTENER" }] as const;

describe("a table", () => {
  it("has aligned columns and no trailing spaces", () => {
    const rows = [
      ["f1 <-> f2", "1", "-"],
      ["a <-> b", "1000", ""],
    ];
    expect(formatTable(columns, rows, PLAIN)).toEqual([
      "ROUTE      SESSIONS  LISTENER",
      "f1 <-> f2         1  -",
      "a <-> b        1000",
    ]);
  });

  it("shows nothing that could drive the terminal", () => {
    expect(formatTable(columns, [["\u001b[31m", "\u009b", "\n"]], PLAIN).at(-1)).toBe("?[31m         ?  ?");
  });

  it("is bold in its head on a terminal, but not with NO_COLOR or in a pipe", () => {
    const head = (isTTY: boolean, environment: { NO_COLOR?: string }) =>
      formatTable([{ header: "A" }], [], stylesFor({ isTTY }, environment));
    expect(head(true, {})).toEqual(["\u001b[1mA\u001b[22m"]);
    expect(head(true, { NO_COLOR: "1" })).toEqual(["A"]);
    expect(head(true, { NO_COLOR: "" })).toEqual(["\u001b[1mA\u001b[22m"]);
    expect(head(false, {})).toEqual(["A"]);
  });
});
