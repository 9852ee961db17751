/** The flags of `route add` that say what a route bounds or asks of its functions, and what they become. */
import * as Flags from "@oclif/core/flags";
import type { AddRoute, RouteNames } from "@serverless-relay/control-api";
import { CommandFailed, Exit } from "./failure.ts";
import { parseBytes, parseDuration } from "./quantities.ts";

const amount = (summary: string) => Flags.integer({ min: 1, summary, helpValue: "COUNT" });

const duration = (flag: string, summary: string) =>
  Flags.custom<number>({
    summary,
    helpValue: "DURATION",
    parse: async (text) => parseDuration(text) ?? wrong(flag, text, "write a duration such as 30s, 15m, 12h or 7d"),
  })();

const PIN = /^(f1|f2)=(sha256:[0-9a-f]{64})$/i;

export const routeFlags = {
  "channel-limit": amount("Distinct channels that may be in use at once."),
  "max-sessions": amount("Sessions that there may be at once."),
  ttl: duration("ttl", "Delete the route by itself after this time; its sessions run on."),
  once: Flags.boolean({ summary: "Delete the route once its first session has begun." }),
  wait: duration("wait", "How long a client is parked that does not say."),
  bandwidth: Flags.custom<number>({
    summary: "Bytes per second, of all sessions of the route together, both directions.",
    helpValue: "RATE",
    parse: async (text) =>
      parseBytes(text.replace(/\/s$/, "")) ?? wrong("bandwidth", text, "write a rate such as 10MiB/s"),
  })(),
  pin: Flags.custom<string>({
    multiple: true,
    multipleNonGreedy: true, // or it would take the names for pins that stand behind it
    summary: "Public key that an end may have (repeat it for more): sha256 of its SubjectPublicKeyInfo.",
    helpValue: "f1=sha256:HASH",
    parse: async (text) => (PIN.test(text) ? text : wrong("pin", text, "write f1=sha256: and 64 hexadecimal digits")),
  })(),
  wake: Flags.custom<string>({
    multiple: true,
    multipleNonGreedy: true,
    summary: "URL by which a function is invoked when the other waits for it; the configuration has to allow it.",
    helpValue: "NAME=URL",
  })(),
};

interface FlagValues {
  readonly "channel-limit"?: number | undefined;
  readonly "max-sessions"?: number | undefined;
  readonly ttl?: number | undefined;
  readonly once: boolean;
  readonly wait?: number | undefined;
  readonly bandwidth?: number | undefined;
  readonly pin?: readonly string[] | undefined;
  readonly wake?: readonly string[] | undefined;
}

/** The fields of the request: those that were asked for, and no others. */
export function optionsFrom(flags: FlagValues, names: RouteNames): Omit<AddRoute, "f1" | "f2"> {
  const { ttl, once, wait, bandwidth, pin = [], wake = [] } = flags;
  const { "channel-limit": channelLimit, "max-sessions": maxSessions } = flags;
  if (ttl !== undefined && !Number.isInteger(ttl)) wrong("ttl", `${ttl}s`, "write whole seconds");
  return {
    ...(channelLimit !== undefined && { channelLimit }),
    ...(maxSessions !== undefined && { maxSessions }),
    ...(ttl !== undefined && { ttl }),
    ...(once && { once }),
    ...(wait !== undefined && { wait }),
    ...(bandwidth !== undefined && { bandwidth }),
    ...(pin.length > 0 && { pins: pinsByEnd(pin) }),
    ...(wake.length > 0 && { wake: hooksByEnd(wake, names) }),
  };
}

function pinsByEnd(pins: readonly string[]): NonNullable<AddRoute["pins"]> {
  const byEnd: { f1?: string[]; f2?: string[] } = {};
  for (const text of pins) {
    const [, end = "", pin = ""] = PIN.exec(text) ?? [];
    const key = end.toLowerCase() === "f1" ? "f1" : "f2";
    byEnd[key] = [...(byEnd[key] ?? []), pin.toLowerCase()];
  }
  return byEnd;
}

/** Named by the functions themselves; a name may have "=" in it. */
function hooksByEnd(wake: readonly string[], { f1, f2 }: RouteNames): NonNullable<AddRoute["wake"]> {
  const byEnd: { f1?: string; f2?: string } = {};
  for (const text of wake) {
    const end = text.startsWith(`${f1}=`) ? "f1" : text.startsWith(`${f2}=`) ? "f2" : null;
    if (end === null) wrong("wake", text, `write ${f1}=https://..., or ${f2}=https://...`);
    if (byEnd[end] !== undefined) wrong("wake", text, "a function has one hook; name each once");
    byEnd[end] = text.slice((end === "f1" ? f1 : f2).length + 1);
  }
  return byEnd;
}

function wrong(flag: string, text: string, advice: string): never {
  throw new CommandFailed("usage", `--${flag} ${JSON.stringify(text)} is not understood; ${advice}`, Exit.usage);
}
