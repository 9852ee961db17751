/** A reader who does what a document says: types each command, opens terminals, and looks whether the output is as shown. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Running, until } from "@serverless-relay/testkit";
import type { Fence } from "./fences.ts";

/** Some of them build before they do anything. */
const COMMAND_MS = 150_000;
const READY_MS = 30_000;
const PRINTED_MS = 10_000;

export interface Reader {
  /** where each block begins */
  readonly cwd: string;
  /** a directory for the reader's notes */
  readonly notes: string;
  readonly env: Readonly<Record<string, string>>;
  /** what this reader types in place of what is written: places that others may use at the same time */
  substitute(text: string): string;
  /** called before each block */
  prepare(): Promise<void>;
}

interface Terminal {
  readonly fence: Fence;
  readonly process: Running;
}

/** Throws at the first block that does not go as the document says, naming its line. Nothing is left running. */
export async function walkThrough(fences: readonly Fence[], reader: Reader): Promise<void> {
  const terminals: Terminal[] = [];
  let latest: Running | null = null;
  try {
    for (const fence of fences) {
      if (fence.language === "text" && fence.words.size > 0)
        await shown(fence, latest, terminals.at(-1)?.process !== latest, reader);
      const { file } = fence.values;
      if (file !== undefined) await writeFile(reader.substitute(file), reader.substitute(fence.text));
      if (fence.language !== "sh" || "elsewhere" in fence.values) continue;
      await reader.prepare();
      latest = await start(fence, reader);
      if (fence.words.has("terminal")) terminals.push({ fence, process: latest });
      if (fence.words.has("terminal")) await ready(fence, latest);
      else await ended(fence, latest);
    }
    for (const { fence, process } of terminals) if (!staysOpen(fence)) await ended(fence, process);
  } finally {
    await Promise.all(terminals.toReversed().map(({ process }) => process.stop()));
  }
}

/** What a block exports holds for those that follow. */
async function start(fence: Fence, reader: Reader): Promise<Running> {
  const exported = join(reader.notes, "exported.sh");
  await writeFile(exported, "", { flag: "a" });
  const remember = fence.words.has("terminal") ? "" : `export -p > '${exported}'`;
  const script = `set -eo pipefail\n. '${exported}'\n${reader.substitute(fence.text)}\n${remember}\n`;
  const file = join(reader.notes, `line-${fence.line}.sh`);
  await writeFile(file, script);
  return Running.startCommand("bash", [file], { cwd: reader.cwd, env: reader.env, group: true });
}

async function ended(fence: Fence, process: Running): Promise<void> {
  const deadline = setTimeout(() => process.kill("SIGKILL"), COMMAND_MS);
  const code = await process.ended;
  clearTimeout(deadline);
  const well = fence.words.has("fails") ? code !== null && code !== 0 : code === 0;
  if (!well) throw new Error(`line ${fence.line}: it ended with ${code}, and printed\n${process.lines.join("\n")}`);
}

async function ready(fence: Fence, process: Running): Promise<void> {
  const { ready } = fence.values;
  if (ready !== undefined) await process.line(new RegExp(literally(ready)), READY_MS);
}

/** One that says when it is ready stays; any other comes to an end by itself. */
function staysOpen(fence: Fence): boolean {
  return fence.values.ready !== undefined;
}

/** Every line that is shown was printed, in this order; "…" is anything. */
async function shown(fence: Fence, process: Running | null, over: boolean, reader: Reader): Promise<void> {
  const seen = fence.words.has("resembles") ? withoutNumbers : (line: string) => line;
  const expected = seen(reader.substitute(fence.text))
    .split("\n")
    .filter((line) => line.trim() !== "");
  const patterns = expected.map((line) => new RegExp(line.split("…").map(literally).join(".*")));
  const missing = (): number => {
    let next = 0;
    for (const line of process?.lines ?? []) if (patterns[next]?.test(seen(line))) next++;
    return next;
  };
  const patience = over ? 0 : PRINTED_MS;
  await until(`it printed "${expected.at(-1)}"`, () => missing() === expected.length, patience).catch(() => {
    throw new Error(`line ${fence.line}: it did not print "${expected[missing()]}", but\n${process?.lines.join("\n")}`);
  });
}

/** Lengths and ids are others each time. */
function withoutNumbers(text: string): string {
  return text.replaceAll(/\b[0-9a-f]*\d[0-9a-f]*\b/g, "#");
}

function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
