/** The options of routes: from what was asked for to what is kept, compared with what another asks for, and shown. */
import type * as api from "@serverless-relay/control-api";
import type { Pins, RouteOptions } from "@serverless-relay/core";
import type { Config } from "./config/schema.ts";

/** As the control API has them: `ttl` and `wait` in seconds. */
export type AskedOptions = Pick<
  api.AddRoute,
  "channelLimit" | "maxSessions" | "ttl" | "once" | "wait" | "bandwidth" | "pins"
>;

/** Those that were asked for, and no others; `now` in milliseconds since the epoch. */
export function optionsOf(asked: AskedOptions, now: number): RouteOptions {
  const { channelLimit, maxSessions, ttl, once, wait, bandwidth, pins } = asked;
  return {
    ...(channelLimit !== undefined && { channelLimit }),
    ...(maxSessions !== undefined && { maxSessions }),
    ...(ttl !== undefined && { expiresAt: new Date(now + ttl * 1000).toISOString() }),
    ...(once === true && { once }),
    ...(wait !== undefined && { wait }),
    ...(bandwidth !== undefined && { bandwidth }),
    ...(pins !== undefined && { pins: normalized(pins) }),
  };
}

/** The options of a route of the configuration, as the control API would have them. */
export function askedInConfig(route: Config["routes"][number]): AskedOptions {
  const { channelLimit, maxSessions, ttl, once, wait, bandwidth, pins } = route;
  const inSeconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);
  return { channelLimit, maxSessions, ttl: inSeconds(ttl), once, wait: inSeconds(wait), bandwidth, pins };
}

/** Only the options of a record that has more. */
export function onlyOptions(record: RouteOptions): RouteOptions {
  const { channelLimit, maxSessions, expiresAt, once, wait, bandwidth, pins } = record;
  return { channelLimit, maxSessions, expiresAt, once, wait, bandwidth, pins };
}

export function viewOptions(options: RouteOptions = {}): OptionsView {
  const { channelLimit, maxSessions, expiresAt, once, wait, bandwidth, pins } = options;
  return {
    channelLimit: channelLimit ?? null,
    maxSessions: maxSessions ?? null,
    expiresAt: expiresAt ?? null,
    once: once ?? false,
    wait: wait ?? null,
    bandwidth: bandwidth ?? null,
    pins: pins === undefined ? null : viewPins(pins),
  };
}

type OptionsView = Pick<
  api.Route,
  "channelLimit" | "maxSessions" | "expiresAt" | "once" | "wait" | "bandwidth" | "pins"
>;

/**
 * What a route has otherwise than was asked for now, in words. Not to ask for an option is to ask that there be none. Two
 * routes that both expire are alike in that: `ttl` counts from when each was added.
 */
export function differences(has: RouteOptions = {}, asked: RouteOptions = {}): string[] {
  const told = viewOptions(has);
  const wanted = viewOptions(asked);
  const found: string[] = [];
  for (const key of ["channelLimit", "maxSessions", "wait", "bandwidth"] as const) {
    if (told[key] !== wanted[key]) found.push(`${key} is ${told[key] ?? "not set"}, not ${wanted[key] ?? "unset"}`);
  }
  if (told.once !== wanted.once) found.push(told.once ? "once is set" : "once is not set");
  if ((told.expiresAt === null) !== (wanted.expiresAt === null)) {
    found.push(told.expiresAt === null ? "it has no ttl" : `it expires at ${told.expiresAt}`);
  }
  if (JSON.stringify(told.pins) !== JSON.stringify(wanted.pins)) found.push("its pins are others");
  return found;
}

/** The options of a route, as they are if its names are given in the other order. */
export function turned(options: RouteOptions): RouteOptions {
  const { pins } = options;
  return pins === undefined ? options : { ...options, pins: normalized({ f1: pins.f2, f2: pins.f1 }) };
}

function normalized({ f1, f2 }: Pins): Pins {
  return { ...(f1 !== undefined && { f1: sorted(f1) }), ...(f2 !== undefined && { f2: sorted(f2) }) };
}

function sorted(pins: readonly string[]): string[] {
  return [...new Set(pins.map((pin) => pin.toLowerCase()))].toSorted();
}

function viewPins({ f1, f2 }: Pins): { f1?: string[]; f2?: string[] } {
  return { ...(f1 !== undefined && { f1: [...f1] }), ...(f2 !== undefined && { f2: [...f2] }) };
}
