/** What the observer is told of each step of a connection: who it was, what became of it, and why. */
import type { Socket } from "node:net";
import type { Refusal } from "@serverless-relay/protocol";
import type { Admitted } from "./admission/admission.ts";
import type { Dropped } from "./admission/drops.ts";
import type { RelayEvent } from "./events.ts";
import { type Held, namesOf, peerNameOf } from "./held.ts";
import { identify } from "./ids.ts";
import { limitIn } from "./limits.ts";
import type { Joined } from "./live-sessions.ts";
import type { SessionOutcome } from "./splice/plane.ts";
import type { Terms } from "./terms.ts";

/** The gate had no place for it. */
export function reportKeptOut(socket: Socket, why: Dropped): RelayEvent {
  return { event: "dropped", reason: why.reason, ...limitIn(why), ...identify(socket), names: [], durationMs: 0 };
}

export function reportAdmitted(admitted: Admitted<Terms>): RelayEvent {
  const { connection, address, transport, durationMs, grant, identity } = admitted;
  const { name, peer, channel, route } = grant;
  const who = { connection, address, name, certificate: identity?.fingerprint ?? null };
  return { event: "admitted", ...who, peer, route: namesOf(route), channel, transport, durationMs };
}

/** @param parkedAt of the end that had been waiting, by `performance.now()` */
export function reportPaired({ live }: Joined, parkedAt: number): RelayEvent {
  const { id, route, channel, ends } = live;
  const waitedMs = performance.now() - parkedAt;
  return { event: "paired", session: id, route: namesOf(route), channel, ends, waitedMs };
}

/** @param startedAt by `performance.now()` */
export function reportEnded(joined: Joined, outcome: SessionOutcome, startedAt: number): RelayEvent {
  const { id, route, channel, ends } = joined.live;
  const { reason, bytes } = outcome;
  const names = [ends[0].name, ends[1].name] as const;
  const blamed = outcome.by ?? joined.blamed;
  const by = blamed === null ? null : names[blamed];
  const durationMs = performance.now() - startedAt;
  return { event: "ended", session: id, route: namesOf(route), channel, reason, by, names, bytes, durationMs };
}

/** A parked client has gone. */
export function reportDeparted(held: Held): RelayEvent {
  const { connection, address, name, route, channel, parkedAt } = held;
  const durationMs = performance.now() - parkedAt;
  return { event: "departed", connection, address, name, route: namesOf(route), channel, durationMs };
}

/** A parked client was turned away. */
export function reportRefused(held: Held, refusal: Refusal): RelayEvent {
  const { connection, address, name, route, parkedAt } = held;
  const names = name === null ? [] : [name];
  const peer = name === null ? null : peerNameOf(route, name);
  const seen = { connection, address, names, peer, durationMs: performance.now() - parkedAt };
  return { event: "refused", reason: refusal.reason, ...limitIn(refusal), parked: true, ...seen };
}

/** Whatever the client did, it costs its connection, and not the process. */
export function reportBug(who: { readonly connection: string; readonly address: string }, error: unknown): RelayEvent {
  const { connection, address } = who;
  const detail = (error instanceof Error ? error.stack : undefined) ?? String(error);
  return { event: "dropped", connection, address, reason: "internal_error", names: [], durationMs: 0, detail };
}
