/** What a changed configuration changes: what takes effect in a running relayd, and what only a restart brings. */
import type { Materials } from "../config/files.ts";
import type { Config } from "../config/schema.ts";

/** A configuration, and what is in the files that it names. */
export interface Settings {
  readonly config: Config;
  readonly materials: Materials;
}

/** Keys that a running relayd takes up. All others are bound to what was made at the start: sockets, threads, the store. */
const TAKEN_UP = ["tls", "limits", "pairing", "sessions", "drain", "routes", "wake", "log.level", "cluster.tls"];

/** The keys that are reloaded and have other values, or name files with another content: "tls.crl", "pairing.wait". */
export function changedKeys(former: Settings, next: Settings): string[] {
  const keys = new Set(differingKeys(former.config, next.config).filter(isTakenUp));
  for (const key of ["cert", "key", "ca", "crl"] as const) {
    if (!same(former.materials[key], next.materials[key])) keys.add(`tls.${key}`);
  }
  const [formerly, now] = [former.materials.cluster, next.materials.cluster];
  for (const key of ["cert", "key", "ca"] as const) {
    if (formerly && now && formerly[key] !== now[key]) keys.add(`cluster.tls.${key}`);
  }
  return [...keys].toSorted();
}

/** The keys that were changed since the start, and wait for a restart. */
export function keysForRestart(started: Config, next: Config): string[] {
  return differingKeys(started, next).filter((key) => !isTakenUp(key));
}

/** Whether a running relayd takes up a change of this key: "pairing.wait". */
export function isTakenUp(key: string): boolean {
  return TAKEN_UP.some((taken) => key === taken || key.startsWith(`${taken}.`));
}

/** Paths to what differs; a list is one value. */
function differingKeys(one: unknown, other: unknown, path = ""): string[] {
  if (!isGroup(one) || !isGroup(other)) return same(one, other) ? [] : [path];
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].flatMap((key) => differingKeys(one[key], other[key], path === "" ? key : `${path}.${key}`));
}

function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return !WRITTEN_AS_ONE.includes(Object.keys(value).toSorted().join());
}

/** Addresses and ranges of ports: one value in the file. */
const WRITTEN_AS_ONE = ["host,port", "first,last"];

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
