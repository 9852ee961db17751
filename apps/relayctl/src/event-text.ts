/** Events in words, one line each; and what an event concerns. */
import type { ControlEvent } from "@serverless-relay/control-api";
import { count, formatBytes, formatDuration } from "./quantities.ts";
import type { Concern } from "./selection.ts";
import { printable, type Styles } from "./styles.ts";

const KIND_WIDTH = 8;

/** "12:00:01.250 paired   f1 -> f2 on channel 443, session aa, after 3s"; the time of day is the reader's. */
export function eventText(event: ControlEvent, styles: Styles): string {
  const kind = event.event.padEnd(KIND_WIDTH);
  const failed =
    event.event === "refused" || event.event === "dropped" || (event.event === "wake" && event.outcome !== "accepted");
  return `${timeOfDay(event.time)} ${failed ? styles.warning(kind) : styles.bold(kind)} ${printable(wordsOf(event))}`;
}

export function concernOf(event: ControlEvent): Concern {
  const { name, names, peer, route, ends } = event;
  const listed = [...listOf(names), ...listOf(ends).map((end) => (isRecord(end) ? end.name : null)), name, peer];
  const [f1, f2] = listOf(route);
  return {
    names: listed.filter((it) => typeof it === "string"),
    route: typeof f1 === "string" && typeof f2 === "string" ? [f1, f2] : null,
  };
}

// An event may come from a relayd of another version: what it does not say is left out.
function wordsOf(event: ControlEvent): string {
  switch (event.event) {
    case "admitted":
      return parts(`${who(event.name)} for ${who(event.peer)}${onChannel(event)}`, event.transport, origin(event));
    case "refused":
      return parts(`${callers(event)}: ${text(event.reason)}${detail(event)}`, origin(event));
    case "dropped":
      return parts(`${callers(event)}: ${text(event.reason)}${detail(event)}`, origin(event));
    case "departed":
      return parts(`${who(event.name)} left ${between(event)}${onChannel(event)}`, lasted("after", event.durationMs));
    case "paired":
      return parts(
        `${client(event)}${onChannel(event)}`,
        `session ${text(event.session)}`,
        lasted("after", event.waitedMs),
      );
    case "ended":
      return parts(
        `${between(event)}${onChannel(event)}: ${text(event.reason)}${typeof event.by === "string" ? ` by ${event.by}` : ""}`,
        `session ${text(event.session)}`,
        volume(event.bytes),
        lasted("in", event.durationMs),
      );
    case "wake":
      return parts(
        `${who(event.name)} for ${who(event.peer)}${onChannel(event)}: ${text(event.outcome)}${status(event)}${detail(event)}`,
        text(event.target),
        lasted("in", event.durationMs),
      );
    case "woken":
      return parts(
        `${who(event.name)} came for ${who(event.peer)}${onChannel(event)}`,
        lasted("after", event.afterMs),
        typeof event.requests === "number" ? count(event.requests, "request") : "",
      );
    default:
      return fieldsText(event);
  }
}

/** Of an event that this relayctl knows nothing of. */
function fieldsText({ time: _time, event: _event, ...fields }: ControlEvent): string {
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}

function timeOfDay(time: string): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return printable(time);
  return `${at.toLocaleTimeString("en-GB")}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

function parts(...texts: readonly unknown[]): string {
  return texts.filter((it) => typeof it === "string" && it !== "").join(", ");
}

function who(name: unknown): string {
  return typeof name === "string" ? name : "(not verified)";
}

/** The caller with all its names, and whom it asked for. */
function callers({ names, peer }: ControlEvent): string {
  const list = listOf(names).map(text);
  const caller = list.length === 0 ? "(unknown)" : list.join("|");
  return typeof peer === "string" ? `${caller} for ${peer}` : caller;
}

function between({ route }: ControlEvent): string {
  const [f1, f2] = listOf(route);
  return `${text(f1)} <-> ${text(f2)}`;
}

function client({ ends, ...event }: ControlEvent): string {
  const both = listOf(ends).filter(isRecord);
  const [first, second] = both[1]?.role === "client" ? both.toReversed() : both;
  return first?.name && second?.name ? `${text(first.name)} -> ${text(second.name)}` : between(event);
}

function onChannel({ channel }: ControlEvent): string {
  return typeof channel === "string" ? ` on channel ${channel}` : "";
}

function origin({ address }: ControlEvent): string {
  return typeof address === "string" ? `from ${address}` : "";
}

function detail({ detail: said }: ControlEvent): string {
  return typeof said === "string" ? ` (${said.split("\n", 1)[0]})` : "";
}

function status({ status: answered }: ControlEvent): string {
  return typeof answered === "number" ? ` with ${answered}` : "";
}

function volume(bytes: unknown): string {
  const [first, second] = listOf(bytes).map(Number);
  return first === undefined || second === undefined ? "" : `${formatBytes(first)} and ${formatBytes(second)}`;
}

function lasted(preposition: string, durationMs: unknown): string {
  if (typeof durationMs !== "number") return "";
  const duration = durationMs < 1000 ? `${Math.round(durationMs)}ms` : formatDuration(durationMs / 1000);
  return `${preposition} ${duration}`;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "?";
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
