/**
 * The scalar values of the configuration file: how each is written, and what it becomes. A schema here says in its
 * message what is wrong and, after a semicolon, what to do; its title is what kind of value it is, for editors and
 * docs/configuration.md.
 */
import { isIPv6 } from "node:net";
import { isFunctionName, NAME_RULE } from "@serverless-relay/protocol";
import { z } from "zod";

/** An address to listen on. An IPv6 host is without its brackets. */
export interface HostPort {
  readonly host: string;
  /** 0 to 65535; 0 lets the system choose */
  readonly port: number;
}

/** Ports from `first` to `last`, both included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

const MILLISECONDS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;
/** Node's timers overflow beyond this, and fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** `500ms`, `60s`, `15m`, `12h`, `7d`: becomes milliseconds. */
export const duration = quantity(MILLISECONDS, "a duration such as 500ms, 60s, 15m, 12h or 7d", "s")
  .refine((ms) => ms <= LONGEST_MS, "is too long; 24d is the most")
  .meta({ title: "duration" });

/** `512B`, `16KiB`, `1MiB`: becomes bytes. */
export const size = quantity(BYTES, "a size such as 512B, 16KiB or 1MiB", "B").meta({ title: "size" });

/** `64KiB`, `10MiB`, or `10MiB/s`: becomes bytes per second. */
export const rate = quantity(
  { ...BYTES, ...Object.fromEntries(Object.entries(BYTES).map(([unit, bytes]) => [`${unit}/s`, bytes])) },
  "a rate such as 64KiB/s or 10MiB/s",
  "B/s",
).meta({ title: "rate" });

export const PIN = /^sha256:[0-9a-fA-F]{64}$/;

/** A public key: `sha256:` and 64 hexadecimal digits, in either case. */
export const pin = text("a public key's sha256:HASH")
  .regex(PIN, { error: ({ input }) => `${JSON.stringify(input)} is no pin; write sha256: and 64 hexadecimal digits` })
  .meta({ title: "pin" });

function quantity(units: Readonly<Record<string, number>>, what: string, plainUnit: string) {
  const form = new RegExp(`^([0-9]{1,15}) ?(${Object.keys(units).join("|")})$`);
  return text(what, (input) => (typeof input === "number" ? `${input} has no unit; write ${input}${plainUnit}` : null))
    .regex(form, { error: ({ input }) => `${JSON.stringify(input)} is not understood; write ${what}` })
    .transform((written) => {
      const [, amount, unit = ""] = form.exec(written) ?? [];
      return Number(amount) * (units[unit] ?? Number.NaN);
    })
    .refine((value) => Number.isSafeInteger(value) && value > 0, `must be more than nothing; write ${what}`);
}

/** `host:port`, an IPv6 host in brackets; becomes a HostPort. */
export const hostPort = text("an address such as 127.0.0.1:8443", (input) =>
  typeof input === "number" ? `${input} is only a port; write 127.0.0.1:${input}, or 0.0.0.0:${input} for all` : null,
)
  .transform((written, context): HostPort => {
    const address = parseHostPort(written);
    if (typeof address !== "string") return address;
    context.addIssue({ code: "custom", message: address });
    return z.NEVER;
  })
  .meta({ title: "address" });

/** The address, or what is wrong with it. */
function parseHostPort(written: string): HostPort | string {
  const quoted = JSON.stringify(written);
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(written);
  if (match === null) {
    if ((written.match(/:/g) ?? []).length > 1) return `${quoted} is not an address; write "[::1]:8443" for IPv6`;
    return `${quoted} is not an address; write host:port, such as 127.0.0.1:8443`;
  }
  const [, bracketed, plain, digits] = match;
  const port = Number(digits);
  if (port > 65535) return `${quoted} has no such port; 65535 is the last`;
  if (bracketed !== undefined) {
    return isIPv6(bracketed) ? { host: bracketed, port } : `${quoted} holds no IPv6 address; write "[::1]:8443"`;
  }
  if (!isHost(plain ?? "")) return `${quoted} names no host; write 127.0.0.1:${port}, or 0.0.0.0:${port} for all`;
  return { host: plain ?? "", port };
}

function isHost(host: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(host);
}

/** A host without a port; IPv6 with or without brackets. */
export const host = text("a host such as 127.0.0.1")
  .transform((written) => written.replace(/^\[(.*)\]$/, "$1"))
  .refine((written) => isHost(written) || isIPv6(written), "is not a host; write an address such as 127.0.0.1")
  .meta({ title: "host" });

/** `20000-20999`, or one port; becomes a PortRange. */
export const portRange = text("a range of ports such as 20000-20999", (input) =>
  typeof input === "number" ? `${input} is a number; write "${input}-${input}", or a wider range of ports` : null,
)
  .transform((written, context): PortRange => {
    const [, from, to] = /^([0-9]{1,5}) ?- ?([0-9]{1,5})$/.exec(written) ?? [];
    const range = { first: Number(from), last: Number(to) };
    if (range.first >= 1 && range.first <= range.last && range.last <= 65535) return range;
    const message = `${JSON.stringify(written)} is not a range of ports; write FIRST-LAST within 1-65535`;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  })
  .meta({ title: "range of ports" });

/** A port that someone can be told to dial. */
export const port = whole("a port from 1 to 65535")
  .max(65535, "is not a port; 65535 is the last")
  .meta({ title: "port" });

/** A whole number, 1 or more. */
export function whole(what: string) {
  return z
    .int({ error: ({ input }) => (input === undefined ? missing(what) : `is ${shown(input)}; write ${what}`) })
    .min(1, `must be at least 1; write ${what}`)
    .meta({ title: what.replace(/^how many/, "number").replace(/, such as .*$/, "") });
}

export const flag = z.boolean({ error: ({ input }) => `is ${shown(input)}; write true or false` });

export function oneOf<const Choice extends readonly [string, ...string[]]>(choices: Choice) {
  return z.enum(choices, { error: ({ input }) => `is ${shown(input)}; write one of ${choices.join(", ")}` });
}

/** A path as written in the file; whoever loads the file resolves it. */
export const path = text("a path, relative to this file or absolute")
  .min(1, "is empty; write a path")
  .meta({ title: "path" });

/** A group of the system, by its name or its number; whoever loads the file finds out whether there is one. */
export const group = z
  .union([z.string().min(1), z.int().min(0)], { error: ({ input }) => `is ${shown(input)}; write the name of a group` })
  .transform(String)
  .meta({ title: "group of the system" });

export const functionName = text("the name of a function")
  .refine(isFunctionName, {
    error: ({ input }) => `${JSON.stringify(input)} is not a function's name; ${NAME_RULE}`,
  })
  .meta({ title: "function's name" });

/** `what` goes into the message; `special` may know more about an input that is not text. */
export function text(what: string, special: (input: unknown) => string | null = () => null) {
  return z.string({
    error: ({ input }) =>
      input === undefined ? missing(what) : (special(input) ?? `is ${shown(input)}; write ${what}`),
  });
}

export function missing(what: string): string {
  return `is missing; add ${what}`;
}

/** What a value is, for a message. */
export function shown(input: unknown): string {
  if (input === null || input === undefined) return "empty";
  if (Array.isArray(input)) return "a list";
  if (typeof input === "object") return "a group of keys";
  return typeof input === "number" ? String(input) : JSON.stringify(input);
}
