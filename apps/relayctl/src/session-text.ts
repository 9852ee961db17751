/** Sessions in words. */
import type { End, Session } from "@serverless-relay/control-api";
import { formatBytes, formatDuration } from "./quantities.ts";
import { printable } from "./styles.ts";

/** "f1 -> f2": the client of the inner TLS first; names of the route where nobody was verified */
export function endsText({ ends, route }: Session): string {
  const [first, second] = ends;
  const [client, server] = first.role === "client" ? [first, second] : [second, first];
  return printable(`${client.name ?? route.f1} -> ${server.name ?? route.f2}`);
}

/** "raw", or "raw/tls" where the two differ */
export function transportText({ ends: [first, second] }: Session): string {
  return first.transport === second.transport ? first.transport : `${first.transport}/${second.transport}`;
}

export function bytesOf({ ends: [first, second] }: Session): number {
  return first.bytesSent + second.bytesSent;
}

/** "3s": since `time`, ISO 8601 */
export function ageText(time: string, now: number): string {
  return formatDuration(Math.max(0, now - Date.parse(time)) / 1000);
}

/** One string a line. */
export function describeSession(session: Session, now: number): string[] {
  const { id, route, channel, startedAt, ends } = session;
  return [
    `session ${id}: ${endsText(session)}`,
    `route    ${route.f1} <-> ${route.f2}, channel ${channel}`,
    `started  ${startedAt}, ${ageText(startedAt, now)} ago`,
    ...ends.map(endText),
  ].map(printable);
}

function endText({ name, address, transport, role, bytesSent }: End): string {
  return `${role.padEnd(9)}${name ?? "(not verified)"} from ${address}, ${transport}, ${formatBytes(bytesSent)} sent`;
}
