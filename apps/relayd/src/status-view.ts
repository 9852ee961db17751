/** GET /v1/status, put together from the parts of the daemon; and its listeners, which the log names at start, too. */
import type * as api from "@serverless-relay/control-api";
import type { Relay } from "@serverless-relay/core";
import type { DaemonParts } from "./daemon-parts.ts";
import type { Listener } from "./listening/listener.ts";
import type { RouteBook } from "./route-book.ts";
import { version } from "./version.ts";
import { viewCertificate, viewDrain, viewListener } from "./views.ts";

export function viewStatus({
  file,
  startedAt,
  materials,
  reloader,
  feed,
  plane,
  relay,
  book,
  shared,
  cluster,
}: DaemonParts): api.Status {
  const sessions = relay.sessions();
  const liveBytes = sessions.reduce((sum, { bytes }) => sum + bytes[0] + bytes[1], 0);
  return {
    version,
    pid: process.pid,
    state: relay.draining === null ? "running" : "draining",
    drain: relay.draining && viewDrain(relay.draining),
    startedAt: new Date(startedAt).toISOString(),
    uptimeSeconds: process.uptime(),
    config: file,
    listeners: viewListeners(shared, book),
    routes: book.counts,
    parked: relay.parkedCount,
    sessions: { live: sessions.length, total: feed.counters.sessions },
    limits: viewLimits(relay),
    admitted: feed.counters.admitted,
    refused: feed.counters.refused,
    bytes: feed.counters.endedBytes + liveBytes,
    splice: plane.kind,
    cluster: cluster?.state() ?? null,
    reload: reloader.report,
    certificates: materials.certificates.map((facts) => viewCertificate(facts, new Date())),
  };
}

/** What the other relays of the cluster are told of this one. */
export function viewSummary({ startedAt, relay, book }: DaemonParts) {
  return {
    version,
    state: relay.draining === null ? "running" : "draining",
    startedAt: new Date(startedAt).toISOString(),
    parked: relay.parkedCount,
    sessions: relay.sessionCount,
    routes: book.size,
  } as const;
}

function viewLimits(relay: Relay): api.Status["limits"] {
  const used = relay.usage();
  const { connections, handshakes, sessions } = relay.limits;
  return {
    connections: { used: used.connections, limit: connections },
    handshakes: { used: used.handshakes, limit: handshakes },
    sessions: { used: used.sessions, limit: sessions },
  };
}

/** The shared listener, if it is open, and those of the routes. */
export function viewListeners(shared: Listener | null, book: RouteBook): api.Listener[] {
  const listeners: api.Listener[] = [];
  if (shared !== null) {
    const state = viewListener({ protocol: "connect", ...shared.address, error: null });
    listeners.push({ name: "shared", route: null, ...state });
  }
  for (const [route, listener] of book.listeners()) {
    listeners.push({ name: "route", route: { f1: route.f1, f2: route.f2 }, ...viewListener(listener) });
  }
  return listeners;
}
