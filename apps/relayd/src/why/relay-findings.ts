/** Why nobody, or nobody of this route, meets just now: the state of the relay, its certificates, the route. */
import type { CertificateStatus, Finding } from "@serverless-relay/control-api";
import { spanText, type WhyFacts } from "./facts.ts";

const SOON_MS = 5 * 60_000;

export function relayFindings({ draining, full, certificates, now }: WhyFacts): Finding[] {
  const found: Finding[] = [];
  if (draining) {
    found.push({ code: "draining", severity: "error", text: "the relay is draining: nobody is admitted any more" });
  }
  if (full) {
    const text = "the relay has as many connections as it may have; raise limits.connections, or end some";
    found.push({ code: "full", severity: "error", text });
  }
  return [...found, ...certificates.flatMap((it) => certificateFinding(it, now) ?? [])];
}

export function routeFindings(facts: WhyFacts): Finding[] {
  const { f1, f2, route, sessions, now } = facts;
  if (route === null) {
    const text = `there is no route between ${f1} and ${f2}; add it: relayctl route add ${f1} ${f2}`;
    return [{ code: "no_route", severity: "error", text }];
  }
  const { listener, options } = route;
  const found = limitFindings(facts, options.maxSessions, options.channelLimit);
  if (listener !== null && listener.error !== null) {
    const where = `${listener.protocol} ${listener.host}:${listener.port}`;
    const text = `the route's own listener (${where}) is down: ${listener.error}; who dials it cannot come`;
    found.push({ code: "listener_down", severity: listener.protocol === "connect" ? "warning" : "error", text });
  }
  if (options.expiresAt !== undefined && Date.parse(options.expiresAt) - now < SOON_MS) {
    const text = `the route is deleted by itself in ${spanText(Date.parse(options.expiresAt) - now)}; add it anew then`;
    found.push({ code: "route_expires", severity: "warning", text });
  }
  if (sessions.length > 0) {
    const text = `${sessions.length} session${sessions.length === 1 ? " of theirs is" : "s of theirs are"} under way`;
    found.push({ code: "in_session", severity: "info", text });
  }
  return found;
}

function limitFindings(
  { channel, parked, sessions }: WhyFacts,
  maxSessions = Number.POSITIVE_INFINITY,
  channelLimit = Number.POSITIVE_INFINITY,
): Finding[] {
  const found: Finding[] = [];
  if (sessions.length >= maxSessions) {
    const text = `the route has as many sessions as its maxSessions allows, ${maxSessions}; end one, or allow more`;
    found.push({ code: "limit_reached", severity: "error", text });
  }
  const inUse = new Set([...parked.map((it) => it.channel), ...sessions]);
  if (inUse.size >= channelLimit && (channel === null || !inUse.has(channel))) {
    const used = [...inUse].slice(0, 5).join(", ");
    const text = `as many channels are in use as the route's channelLimit allows, ${channelLimit}: ${used}`;
    found.push({ code: "limit_reached", severity: channel === null ? "warning" : "error", text });
  }
  return found;
}

function certificateFinding({ use, file, notAfter, warning }: CertificateStatus, now: number): Finding | null {
  if (warning === null) return null;
  const expired = Date.parse(notAfter) <= now;
  const of = use === "crl" ? "crl" : "certificate";
  const code = expired ? (`${of}_expired` as const) : (`${of}_expires` as const);
  // One CA of several may have run out, and be nobody's.
  return { code, severity: expired && use !== "ca" ? "error" : "warning", text: `${file} ${warning}` };
}
