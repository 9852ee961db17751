/** The daemon's status in words: what needs attention first, then a compact overview. */
import type { CertificateStatus, ClusterState, Listener, Status } from "@serverless-relay/control-api";
import { count, formatBytes, formatDuration } from "./quantities.ts";
import { listenerText, routeText } from "./route-text.ts";
import { printable, type Styles } from "./styles.ts";

const LABEL_WIDTH = 13;

/** One string a line. */
export function describeStatus(status: Status, styles: Styles): string[] {
  const warnings = warningsOf(status).map((warning) => styles.warning(`WARNING: ${printable(warning)}`));
  const { version, state, pid, uptimeSeconds, sessions, routes } = status;
  return [
    ...warnings,
    styles.bold(`relayd ${version} ${state}, pid ${pid}, up ${formatDuration(uptimeSeconds)}`),
    field("config", status.config),
    ...status.listeners.filter(({ name }) => name === "shared").map((it) => field("listener", listenerText(it))),
    field("routes", `${routes.static} static, ${routes.dynamic} dynamic${routeListeners(status.listeners)}`),
    field("parked", `${status.parked}`),
    field("sessions", `${sessions.live} live, ${sessions.total} in all, ${formatBytes(status.bytes)} relayed`),
    field("limits", limitsText(status.limits)),
    field("splice", status.splice),
    ...(status.cluster === null ? [] : [field("cluster", clusterText(status.cluster))]),
    field("admitted", `${status.admitted}`),
    field("refused", refusals(status.refused)),
    ...status.certificates.map((it) => field(it.use, certificateText(it))),
  ];
}

function warningsOf({ state, listeners, certificates, cluster, reload }: Status): string[] {
  const down = listeners.filter((listener) => listener.state === "down");
  return [
    ...(state === "draining" ? ["draining: nobody is admitted any more"] : []),
    ...(cluster?.nats === "away" ? ["the cluster's NATS is away: only functions at the same relay meet"] : []),
    ...down.map((it) => `listener of ${it.route === null ? "all routes" : routeText(it.route)}: ${listenerText(it)}`),
    ...reload.problems.map((problem) => `not reloaded on ${reload.lastAt}: ${problem}`),
    ...(reload.restart.length > 0 ? [waitsForRestart(reload.restart)] : []),
    ...certificates.flatMap(({ file, warning }) => (warning === null ? [] : [`${file}: ${warning}`])),
  ];
}

function limitsText({ connections, handshakes, sessions }: Status["limits"]): string {
  const parts = [
    [connections, "connection"],
    [handshakes, "handshake"],
    [sessions, "session"],
  ] as const;
  return parts.map(([{ used, limit }, noun]) => `${used} of ${count(limit, noun)}`).join(", ");
}

function clusterText({ name, nats, seeking }: ClusterState): string {
  return `${name}, NATS ${nats}, ${seeking} sought at other relays; see relayctl cluster status`;
}

export function waitsForRestart(keys: readonly string[]): string {
  return `changed in the configuration, and waits for a restart: ${keys.join(", ")}`;
}

function field(label: string, text: string): string {
  return `${label.padEnd(LABEL_WIDTH)}${printable(text)}`;
}

function routeListeners(listeners: readonly Listener[]): string {
  const own = listeners.filter(({ name }) => name === "route");
  if (own.length === 0) return "";
  const down = own.filter(({ state }) => state === "down").length;
  return `; ${count(own.length, "route listener")}${down === 0 ? "" : `, ${down} down`}`;
}

/** "7: no_route 4, certificate_expired 3" */
function refusals(refused: Status["refused"]): string {
  const byCount = Object.entries(refused).toSorted(([, a], [, b]) => b - a);
  const total = byCount.reduce((sum, [, amount]) => sum + amount, 0);
  if (total === 0) return "0";
  return `${total}: ${byCount.map(([reason, amount]) => `${reason} ${amount}`).join(", ")}`;
}

function certificateText({ file, subject, notAfter, daysLeft }: CertificateStatus): string {
  const left = daysLeft < 0 ? "expired" : `${count(Math.floor(daysLeft), "day")} left`;
  return `${subject}, until ${notAfter.slice(0, 10)} (${left}), ${file}`;
}
