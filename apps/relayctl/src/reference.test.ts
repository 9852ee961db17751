import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Command } from "@oclif/core";
import { describe, expect, it } from "vitest";
import commands from "./commands/index.ts";
import { DaemonCommand } from "./daemon-command.ts";
import { RelayctlCommand } from "./relayctl-command.ts";

const DOCS = fileURLToPath(new URL("../../../docs/", import.meta.url));

type Id = keyof typeof commands;

/** What is told here of a flag. */
interface Flag {
  readonly type: string;
  readonly summary?: string | undefined;
  readonly helpValue?: unknown;
  readonly options?: readonly string[] | undefined;
  readonly default?: unknown;
  readonly multiple?: boolean | undefined;
  readonly hidden?: boolean | undefined;
}

/** What a command prints with --json: a schema of docs/openapi.json, or the object itself. */
const JSON_SHAPES: Record<Id, string> = {
  "cert:issue": '{ "names", "certificate", "key", "serial", "notAfter" }',
  "cert:list": '{ "certificates": [{ "serial", "names", "issuedAt", "notAfter", "revokedAt", "file", "state" }] }',
  "cert:revoke": '{ "revoked": [{ "serial", "names" }], "crl", "named" }',
  "cluster:status": "Cluster",
  completion: '{ "shell", "script" }',
  "config:check": "ReloadResult",
  drain: "StartedDrain",
  events: "Event",
  init: '{ "dir", "files", "config", "socket" }',
  "log:level": "LogState",
  "parked:list": "ParkedList",
  reload: "ReloadResult",
  "route:add": "AddedRoute",
  "route:delete": "DeletedRoute",
  "route:list": "RouteList",
  "route:show": "Route",
  "session:kill": "KilledSession",
  "session:list": "SessionList",
  "session:show": "Session",
  status: "Status",
  top: '{ "samples": [...] }',
  why: "Why",
};

const ids = Object.keys(commands).toSorted() as Id[];

/** `vitest run -u` of this file writes it anew. */
it("docs/relayctl.md has each command as it is, with its arguments, flags, JSON and exit codes", async () => {
  const path = `${DOCS}relayctl.md`;
  const [intro = ""] = (await readFile(path, "utf8")).split(MARKER);
  await expect(`${intro}${MARKER}\n${ids.map(section).join("")}`).toMatchFileSnapshot(path);
});

describe("the JSON of a command", () => {
  it("is of a schema that there is", async () => {
    const { components } = JSON.parse(await readFile(`${DOCS}openapi.json`, "utf8"));
    const named = Object.values(JSON_SHAPES).filter((shape) => !shape.startsWith("{"));
    expect(named.filter((name) => !(name in components.schemas))).toEqual([]);
  });
});

const MARKER = "<!-- made of the commands: reference.test.ts -->\n";

function section(id: Id): string {
  const command: Command.Class = commands[id];
  const words = `relayctl ${id.replaceAll(":", " ")}`;
  const args = Object.entries(command.args);
  const flags = Object.entries<Flag>({ ...command.baseFlags, ...command.flags }).filter(
    ([, flag]) => flag.hidden !== true,
  );
  const usage = [
    words,
    ...args.map(([name, { required }]) => (required ? name.toUpperCase() : `[${name.toUpperCase()}]`)),
  ];
  const rows = [
    ...args.map(([name, { description = "" }]) => [`\`${name.toUpperCase()}\``, sentence(description)]),
    ...flags.map(([name, flag]) => [`\`--${name}${placeOf(flag)}\``, meaningOf(flag)]),
  ];
  const paragraphs = [
    `## ${words}`,
    `\`${usage.join(" ")}${flags.length > 0 ? " [FLAGS]" : ""}\``,
    [command.summary, command.description].filter(Boolean).join(" "),
    ...(rows.length > 0 ? [table([["argument or flag", "says"], ...rows])] : []),
    `With \`--json\`: ${shapeText(id)}. Exit codes: ${exitCodes(id)}.`,
  ];
  return `\n${paragraphs.join("\n\n")}\n`;
}

function placeOf(flag: Flag): string {
  if (flag.type === "boolean") return "";
  const what = typeof flag.helpValue === "string" ? flag.helpValue : "VALUE";
  return ` ${flag.options?.join("|") ?? what}`.replaceAll("|", "\\|");
}

function meaningOf({ summary = "", multiple, ...flag }: Flag): string {
  const byDefault = typeof flag.default === "string" ? ` Default: ${flag.default}.` : "";
  return `${summary}${byDefault}${multiple === true && !summary.includes("repeat") ? " May be given several times." : ""}`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function shapeText(id: Id): string {
  const shape = JSON_SHAPES[id];
  if (shape.startsWith("{")) return `\`${shape}\``;
  const schema = `\`${shape}\` of [openapi.json](openapi.json)`;
  return id === "events" ? `${schema}, one a line` : schema;
}

function exitCodes(id: Id): string {
  const asks = commands[id].prototype instanceof DaemonCommand;
  expect(asks || commands[id].prototype instanceof RelayctlCommand).toBe(true);
  const no =
    id === "why" ? "1 if the two do not meet, or relayd says no" : asks ? "1 if relayd says no" : "1 if it fails";
  return `0, ${no}, 2${asks ? ", 69" : ""}`;
}

function table(rows: readonly string[][]): string {
  const [left = 0, right = 0] = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = ([one = "", other = ""]: readonly string[], fill: string) =>
    `| ${one.padEnd(left, fill)} | ${other.padEnd(right, fill)} |`;
  const [head = [], ...rest] = rows;
  return [line(head, " "), line(["", ""], "-"), ...rest.map((row) => line(row, " "))].join("\n");
}
