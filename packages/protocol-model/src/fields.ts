/** PROTOCOL.md sections 5.2 and 5.3. */
import type { Field } from "./head.ts";
import { isFunctionName } from "./names.ts";

export interface Asked {
  readonly transport: "raw" | "tls";
  readonly channel: string | null;
  readonly as: string | null;
  readonly role: "client" | "server" | "either";
  /** Seconds. Null: the relay's default. */
  readonly wait: number | null;
}

const CHANNEL_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;

/** Null: `field_invalid`. */
export function readFields(fields: readonly Field[]): Asked | null {
  const transports = valuesOf(fields, "relay-transport");
  const channels = valuesOf(fields, "relay-channel");
  const names = valuesOf(fields, "relay-as");
  const roles = valuesOf(fields, "relay-role");
  const wait = readWait(valuesOf(fields, "prefer"));
  const repeated = [transports, channels, names, roles].some((values) => values.length > 1);
  if (repeated || wait === "invalid") return null;
  const [transport = "tls"] = transports;
  const [channel = null] = channels;
  const [as = null] = names;
  const [role = "either"] = roles;
  if (transport !== "raw" && transport !== "tls") return null;
  if (channel !== null && !CHANNEL_NAME.test(channel)) return null;
  if (as !== null && !isFunctionName(as)) return null;
  if (role !== "client" && role !== "server" && !(role === "either" && roles.length === 0)) return null;
  return { transport, channel, as, role, wait };
}

function valuesOf(fields: readonly Field[], name: string): readonly string[] {
  return fields.filter((field) => field.name === name).map((field) => field.value);
}

function readWait(values: readonly string[]): number | null | "invalid" {
  const preferences = values.flatMap((value) => value.split(",")).map((part) => part.split(";")[0] ?? "");
  const first = preferences.find((preference) => trimmed(preference.split("=")[0] ?? "").toLowerCase() === "wait");
  if (first === undefined) return null;
  const [, seconds] = /^[^=]*=[ \t]*([0-9]{1,9})[ \t]*$/.exec(first) ?? [];
  return seconds === undefined ? "invalid" : Number.parseInt(seconds, 10);
}

/** Without the white space that HTTP knows: spaces and tabs, no others. */
function trimmed(text: string): string {
  return text.replace(/^[ \t]+/, "").replace(/[ \t]+$/, "");
}
