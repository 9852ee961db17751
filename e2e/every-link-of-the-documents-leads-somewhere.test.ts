import { existsSync } from "node:fs";
import { glob, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const LINK = /(?<!`)\[[^\]\n]*\]\((?!https?:)(?<path>[^)#\s]*)(?:#(?<anchor>[^)\s]+))?\)/g;

const documents: string[] = [];
for await (const path of glob(["*.md", "docs/**/*.md", "bench/*.md", "packages/*/*.md", "examples/*/README.md"], {
  cwd: ROOT,
})) {
  documents.push(path);
}

it.each(documents)("every link of %s", async (document) => {
  const dead: string[] = [];
  for (const { groups = {} } of (await readFile(join(ROOT, document), "utf8")).matchAll(LINK)) {
    const target = groups.path ? join(dirname(document), groups.path) : document;
    const leads = existsSync(join(ROOT, target)) && (!groups.anchor || (await anchorsOf(target)).has(groups.anchor));
    if (!leads) dead.push(`${groups.path}#${groups.anchor ?? ""}`);
  }
  expect(dead).toEqual([]);
});

/** As GitHub makes them of headings. */
async function anchorsOf(document: string): Promise<ReadonlySet<string>> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of (await readFile(join(ROOT, document), "utf8")).matchAll(/^#+ (.*)$/gm)) {
    const anchor = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-");
    let name = anchor;
    for (let copy = 1; anchors.has(name); copy++) name = `${anchor}-${copy}`;
    anchors.add(name);
  }
  return anchors;
}
