/** Which keys the configuration knows, and which of them an unknown key was probably meant to be. */
import { configJsonSchema, type JsonSchema } from "./reference.ts";
import { formatKeyPath, type KeyPath } from "./source.ts";

/** What to do about the unknown key `key` in the group at `path`. */
export function adviseOnUnknownKey(path: KeyPath, key: string): string {
  const tree = configJsonSchema();
  const known = Object.keys(subtree(tree, path)?.properties ?? {});
  const [nearest] = known
    .map((name) => ({ name, distance: slips(bare(name), bare(key)) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(name.length / 3)))
    .toSorted((left, right) => left.distance - right.distance);
  if (nearest !== undefined) return `did you mean ${nearest.name}?`;
  const elsewhere = [...keyPaths(tree, [])].find((known) => known.at(-1) === key);
  return elsewhere === undefined ? `known here: ${known.join(", ")}` : `did you mean ${formatKeyPath(elsewhere)}?`;
}

function subtree(tree: JsonSchema, path: KeyPath): JsonSchema | undefined {
  let here: JsonSchema | undefined = tree;
  for (const step of path) here = typeof step === "number" ? here?.items || undefined : here?.properties?.[step];
  return here;
}

function* keyPaths(tree: JsonSchema, path: KeyPath): Generator<KeyPath> {
  for (const [name, child] of Object.entries(tree.properties ?? {})) {
    yield [...path, name];
    yield* keyPaths(child, [...path, name]);
  }
}

/** max_wait, max-wait and maxWait look alike to whoever writes them */
function bare(name: string): string {
  return name.replace(/[^A-Za-z0-9]/g, "").toLowerCase();
}

/** How far what was written is from what was meant, in slips of the pen. */
function slips(meant: string, written: string): number {
  if (written.startsWith(meant) || meant.startsWith(written)) return 1;
  const letters = (name: string) => Array.from(name).toSorted().join("");
  return letters(meant) === letters(written) ? 1 : editDistance(meant, written);
}

/** Levenshtein's distance: how many characters to insert, delete or replace. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [line, wanted] of Array.from(from).entries()) {
    const next = [line + 1];
    for (const [column, given] of Array.from(to).entries()) {
      const replaced = (row[column] ?? 0) + (wanted === given ? 0 : 1);
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
