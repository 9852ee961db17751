/** Gathers, from the parts of the daemon, what says why two functions do, or do not, meet. */
import type { Parked } from "@serverless-relay/core";
import type { DaemonParts } from "../daemon-parts.ts";
import { viewCertificate, viewListener } from "../views.ts";
import type { ParkedFacts, RouteFacts, WhyFacts } from "./facts.ts";

export function lookAt(parts: DaemonParts, f1: string, f2: string, channel: string | null): WhyFacts {
  const { relay, materials, feed, wakes } = parts;
  const now = Date.now();
  const route = parts.book.find(f1, f2);
  const names =
    f1 === f2
      ? [[f1, f2] as const]
      : ([
          [f1, f2],
          [f2, f1],
        ] as const);
  return {
    f1,
    f2,
    channel,
    route: route === undefined ? null : routeFacts(parts, route),
    parked: relay
      .parked()
      .filter((it) => it.route === route)
      .map(parkedFacts),
    sessions: relay
      .sessions()
      .filter((it) => it.route === route)
      .map((it) => it.channel),
    wakes: wakes.statesOf(f1, f2),
    draining: relay.draining !== null,
    full: relay.full,
    certificates: materials.certificates.map((facts) => viewCertificate(facts, new Date(now))),
    refusals: names.flatMap(([name, peer]) => feed.refusals.of(name, peer)).toSorted((a, b) => b.at - a.at),
    now,
  };
}

function routeFacts({ book }: DaemonParts, route: NonNullable<ReturnType<DaemonParts["book"]["find"]>>): RouteFacts {
  const listener = book.listenerOf(route);
  return {
    createdAt: route.createdAt === null ? null : Date.parse(route.createdAt),
    options: route.options ?? {},
    listener: listener && viewListener(listener),
  };
}

function parkedFacts({ name, channel, role, parkedAt, deadline, identity }: Parked): ParkedFacts {
  return {
    name,
    channel,
    role: role ?? null,
    parkedAt: wallClock(parkedAt),
    deadline: wallClock(deadline),
    notAfter: identity?.notAfter ?? null,
  };
}

/** `performance.now()` in milliseconds since the epoch, by what the clock says now. */
function wallClock(monotonic: number): number {
  return Date.now() - performance.now() + monotonic;
}
