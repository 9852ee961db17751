import { readFile } from "node:fs/promises";
import { CLOSE_REASONS, DROP_REASONS } from "@serverless-relay/core";
import { REFUSALS } from "@serverless-relay/protocol";
import { expect, it } from "vitest";

const DOCUMENT = new URL("../../../docs/troubleshooting.md", import.meta.url);

it.each<[string, readonly string[]]>([
  ["Refused", Object.keys(REFUSALS)],
  ["Dropped", DROP_REASONS],
  ["Ended", CLOSE_REASONS],
])("docs/troubleshooting.md has a section for each reason under %s, and for no other", async (title, reasons) => {
  const text = await readFile(DOCUMENT, "utf8");
  const [, section = ""] = new RegExp(`^## ${title}\n(.*?)(?=^## |(?![^]))`, "ms").exec(text) ?? [];
  const parts = section.split(/^### /m).slice(1);
  const said = parts.map((part) => /^`(\w+)`\n\n(\S.*)/.exec(part)?.[1] ?? part);
  expect(said.toSorted()).toEqual(reasons.toSorted());
});
