import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const DOCUMENT = fileURLToPath(new URL("../../docs/security.md", import.meta.url));
const TEST = /\]\((\.\.\/[^)]+\.(?:test|suite)\.ts)\)/g;

/** The rows of every table that says by what its claims are shown. */
const claims = [...(await readFile(DOCUMENT, "utf8")).matchAll(/^\| claim .*\n\| -.*\n((?:\|.*\n)+)/gm)]
  .flatMap(([, rows = ""]) => rows.trim().split("\n"))
  .map((row) => row.split("|").map((cell) => cell.trim()));

it("there are claims", () => {
  expect(claims.length).toBeGreaterThan(20);
});

it.each(claims)("%s%s", async (_before, _claim, shownBy = "") => {
  const tests = [...shownBy.matchAll(TEST)].map(([, path = ""]) => new URL(`../../docs/${path}`, import.meta.url));
  expect(tests).not.toEqual([]);
  for (const path of tests) expect(await readFile(path, "utf8")).toMatch(/\bit(\.each)?[<(]/);
});
