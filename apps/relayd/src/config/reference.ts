/**
 * What the configuration may say, for editors (a JSON Schema: `relayd --schema`, docs/relayd.schema.json) and for people
 * (the tables of docs/configuration.md): both made from the schema that relayd itself goes by.
 */
import { z } from "zod";
import { configSchema } from "./schema.ts";

/** What is used here of JSON Schema. */
export interface JsonSchema {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema | false;
}

/** One key, as a row of a table has it. */
export interface ReferenceEntry {
  /** `routes[].between` */
  readonly key: string;
  /** the same without brackets, as a reload names it */
  readonly path: string;
  /** what kind of value, or which values */
  readonly value: string;
  /** what it is if it is not there: a value in backquotes, "required", or words; "" of groups */
  readonly otherwise: string;
  readonly meaning: string;
}

/** JSON Schema 2020-12 of a configuration file. */
export function configJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(configSchema, {
    io: "input",
    unrepresentable: "any",
    // Numbers that no float could tell apart are not what somebody who edits the file asks about.
    override: ({ jsonSchema }) => {
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  return { title: "relayd's configuration", ...schema } as JsonSchema;
}

/** Every key, groups before what is in them, in the order of the schema. */
export function* reference(schema: JsonSchema, prefix = ""): Generator<ReferenceEntry> {
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    const key = `${prefix}${name}`;
    yield entryOf(key, child, schema.required?.includes(name) ?? false);
    if (child.properties !== undefined) yield* reference(child, `${key}.`);
    else if (child.items) yield* reference(child.items, `${key}[].`);
  }
}

function entryOf(key: string, schema: JsonSchema, required: boolean): ReferenceEntry {
  const [meaning = "", unsaid = ""] = (schema.description ?? "").split("; default: ");
  const isGroup = schema.properties !== undefined;
  const byDefault = isGroup || schema.default === undefined ? unsaid : `\`${JSON.stringify(schema.default)}\``;
  return {
    key,
    path: key.replaceAll("[]", ""),
    value: kindOf(schema),
    otherwise: required ? "required" : byDefault.replaceAll('"', ""),
    meaning,
  };
}

function kindOf(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (schema.title !== undefined) return schema.title;
  if (schema.properties !== undefined) return "keys";
  if (schema.type === "boolean") return "`true`, `false`";
  return schema.items ? `list of ${kindOf(schema.items)}` : "";
}
