/** The relay's state in the shapes of the control API. */
import type * as api from "@serverless-relay/control-api";
import type { DrainTimes, LiveSession, Parked, Relay } from "@serverless-relay/core";
import type { BookedRoute } from "./booked-routes.ts";
import type { CertificateFacts } from "./config/certificates.ts";
import { daysLeft, expiryWarning } from "./config/expiry.ts";
import { viewOptions } from "./route-options.ts";
import { viewHooks } from "./wake/hooks.ts";

export function viewSession({ id, route, channel, startedAt, ends, bytes }: LiveSession): api.Session {
  const [first, second] = ends;
  return {
    id,
    route: { f1: route.f1, f2: route.f2 },
    channel,
    startedAt: new Date(startedAt).toISOString(),
    ends: [viewEnd(first, bytes[0]), viewEnd(second, bytes[1])],
  };
}

function viewEnd({ name, address, transport, role }: LiveSession["ends"][0], bytesSent: number): api.End {
  return { name, address, transport, role, bytesSent };
}

export function viewParked({ connection, name, route, channel, transport, role, address, ...at }: Parked): api.Parked {
  return {
    id: connection,
    name,
    peer: name === null ? null : name === route.f1 ? route.f2 : route.f1,
    route: { f1: route.f1, f2: route.f2 },
    channel,
    transport,
    role: role ?? null,
    address,
    parkedAt: wallClock(at.parkedAt),
    deadline: wallClock(at.deadline),
  };
}

export function viewRoute(route: BookedRoute, listener: ListenerState | null, relay: Relay): api.Route {
  const { f1, f2, source, createdAt, options } = route;
  return {
    f1,
    f2,
    source,
    createdAt,
    listener: listener && viewListener(listener),
    ...viewOptions(options),
    wake: viewHooks(route.wake),
    parked: relay.parkedOn(route),
    sessions: relay.sessionsOn(route),
  };
}

export function viewDrain(times: DrainTimes): api.Drain {
  return { startedAt: new Date(times.startedAt).toISOString(), deadline: new Date(times.deadline).toISOString() };
}

export function viewCertificate({ use, file, subject, notAfter }: CertificateFacts, now: Date): api.CertificateStatus {
  return {
    use,
    file,
    subject,
    notAfter: notAfter.toISOString(),
    daysLeft: daysLeft(notAfter, now),
    warning: expiryWarning(use, notAfter, now),
  };
}

interface ListenerState {
  readonly protocol: api.RouteListener["protocol"];
  readonly host: string;
  readonly port: number;
  readonly error: string | null;
}

export function viewListener({ protocol, host, port, error }: ListenerState): api.RouteListener {
  return { protocol, host, port, state: error === null ? "up" : "down", error };
}

/** `performance.now()` as ISO 8601. */
function wallClock(monotonic: number): string {
  return new Date(Date.now() - performance.now() + monotonic).toISOString();
}
