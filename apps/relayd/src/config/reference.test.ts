import { glob, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { isTakenUp } from "../reload/changes.ts";
import { configJsonSchema, type ReferenceEntry, reference } from "./reference.ts";
import { configSchema } from "./schema.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const schema = configJsonSchema();
const entries = [...reference(schema)];
const topKeys = Object.keys(schema.properties ?? {});

const LEAST = {
  listen: { shared: "127.0.0.1:8443" },
  tls: { cert: "relay.pem", key: "relay.key", ca: "ca.pem" },
  control: { socket: "run/relayd.sock" },
  state: { dir: "state" },
};

it.each(entries)("the schema says what $key is for, which values it may have, and what it is by default", (entry) => {
  expect(entry.meaning).not.toBe("");
  expect(entry.value).not.toBe("");
  if (entry.value !== "keys") expect(entry.otherwise).not.toBe("");
});

/** `vitest run -u` of this file writes both documents anew. */
describe("what is committed is what relayd goes by:", () => {
  it("docs/relayd.schema.json", async () => {
    await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(`${ROOT}docs/relayd.schema.json`);
  });

  it("the tables of docs/configuration.md", async () => {
    const path = `${ROOT}docs/configuration.md`;
    const text = await readFile(path, "utf8");
    const tables = /(<!-- keys of (\w+) -->\n\n)(?:\|.*\n)*/g;
    expect([...text.matchAll(tables)].map(([, , key]) => key)).toEqual(topKeys);
    const upToDate = text.replaceAll(tables, (_table, marker: string, key: string) => `${marker}${tableOf(key)}`);
    await expect(upToDate).toMatchFileSnapshot(path);
  });
});

describe("the JSON Schema and relayd agree on", () => {
  const editor = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  const pin = `sha256:${"0".repeat(64)}`;

  it.each<[string, boolean, object]>([
    ["the least that there must be", true, {}],
    ["the short form of splice", true, { splice: "stream" }],
    ["its long form", true, { splice: { mode: "kernel", threads: 2 } }],
    ["a mode that there is not", false, { splice: "fast" }],
    ["pins, one or several", true, { routes: [{ between: ["f1", "f2"], pins: { f1: pin, f2: [pin, pin] } }] }],
    ["no pin", false, { routes: [{ between: ["f1", "f2"], pins: { f1: "sha1:00" } }] }],
    ["a key that there is not", false, { lgo: {} }],
    ["a key of a group that there is not", false, { limits: { connection: 1 } }],
    ["a duration without a unit", false, { drain: { timeout: 30 } }],
    ["a rate in bits", false, { limits: { bandwidthPerRoute: "10Mbit/s" } }],
    ["three functions", false, { routes: [{ between: ["f1", "f2", "f3"] }] }],
    ["a number of a group of the system", true, { control: { ...LEAST.control, readOnlyGroup: 100 } }],
  ])("%s", (_what, accepted, more) => {
    const config = { ...LEAST, ...more };
    expect(editor.safeParse(config).success).toBe(accepted);
    expect(configSchema.safeParse(config).success).toBe(accepted);
  });
});

it("every example of the configuration in a document is one that relayd takes", async () => {
  const documents = ["README.md", "SECURITY.md"];
  for await (const path of glob(["docs/**/*.md", "packages/*/*.md", "examples/*/README.md"], { cwd: ROOT }))
    documents.push(path);
  const refused: string[] = [];
  let examples = 0;
  for (const path of documents) {
    let before = {}; // later examples of a document go on from the earlier ones
    for (const [, text = ""] of (await readFile(`${ROOT}${path}`, "utf8")).matchAll(/^```yaml\n(.*?)^```$/gms)) {
      const value: unknown = parse(text);
      if (typeof value !== "object" || value === null || !Object.keys(value).every((key) => topKeys.includes(key)))
        continue;
      examples++;
      before = { ...before, ...value };
      const { error } = configSchema.safeParse({ ...LEAST, ...before });
      for (const issue of error?.issues ?? []) refused.push(`${path}: ${issue.path.join(".")} ${issue.message}`);
    }
  }
  expect(refused).toEqual([]);
  expect(examples).toBeGreaterThan(5);
}, 30_000);

function tableOf(top: string): string {
  const rows = entries.filter(({ path }) => path.split(".", 1)[0] === top).map(row);
  const cells = [["key", "value", "default", "reload", "meaning"], ...rows];
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0))) ?? [];
  const line = (parts: readonly string[], fill: string) =>
    `| ${widths.map((width, column) => (parts[column] ?? "").padEnd(width, fill)).join(" | ")} |\n`;
  return [line(cells[0] ?? [], " "), line([], "-"), ...rows.map((parts) => line(parts, " "))].join("");
}

function row({ key, path, value, otherwise, meaning }: ReferenceEntry): string[] {
  const reload = value === "keys" ? "" : isTakenUp(path) ? "yes" : "restart";
  return [`\`${key}\``, value, otherwise, reload, meaning];
}
