/** Routes and listeners in words. */
import type { Route, RouteListener, RouteNames } from "@serverless-relay/control-api";
import { count, formatBytes, formatDuration } from "./quantities.ts";
import { printable, type Styles } from "./styles.ts";

export function routeText({ f1, f2 }: RouteNames): string {
  return printable(`${f1} <-> ${f2}`);
}

/** "bare 127.0.0.1:20000", and what is wrong with it if it is down */
export function listenerText({ protocol, host, port, state, error }: RouteListener): string {
  const address = `${protocol} ${host.includes(":") ? `[${host}]` : host}:${port}`;
  return printable(state === "up" ? address : `${address} DOWN: ${error ?? "reason unknown"}`);
}

/** "max-sessions 5": one text for each option that the route has, in the words of the flags. */
export function optionsText(route: Route): string[] {
  const { f1, f2, channelLimit, maxSessions, expiresAt, once, wait, bandwidth, pins, wake } = route;
  const pinned = (pins?.f1?.length ?? 0) + (pins?.f2?.length ?? 0);
  return [
    ...(channelLimit === null ? [] : [`channel-limit ${channelLimit}`]),
    ...(maxSessions === null ? [] : [`max-sessions ${maxSessions}`]),
    ...(once ? ["once"] : []),
    ...(wait === null ? [] : [`wait ${formatDuration(wait)}`]),
    ...(bandwidth === null ? [] : [`bandwidth ${formatBytes(bandwidth)}/s`]),
    ...(pinned === 0 ? [] : [count(pinned, "pin")]),
    ...(wake?.f1 === undefined ? [] : [`wake ${f1}`]),
    ...(wake?.f2 === undefined ? [] : [`wake ${f2}`]),
    ...(expiresAt === null ? [] : [`until ${expiresAt}`]),
  ];
}

/** All of a route, one string a line. */
export function describeRoute(route: Route, styles: Styles): string[] {
  const { source, createdAt, listener, parked, sessions, pins, wake } = route;
  const field = (label: string, text: string) => `${label.padEnd(10)}${printable(text)}`;
  const since = createdAt === null ? "" : `, since ${createdAt}`;
  return [
    styles.bold(`route ${routeText(route)}`),
    field("source", `${source}${since}`),
    field("listener", listener === null ? "the shared one alone" : listenerText(listener)),
    field("parked", `${parked}`),
    field("sessions", `${sessions}`),
    field("options", optionsText(route).join(", ") || "none"),
    ...(pins?.f1 ?? []).map((pin) => field("pin f1", pin)),
    ...(pins?.f2 ?? []).map((pin) => field("pin f2", pin)),
    ...(wake?.f1 === undefined ? [] : [field("wake", `${route.f1} by ${wake.f1}`)]),
    ...(wake?.f2 === undefined ? [] : [field("wake", `${route.f2} by ${wake.f2}`)]),
  ];
}
