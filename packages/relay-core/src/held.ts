/** An admitted connection while it is parked, and what its end of a session is called and told. */
import type { Identity } from "./admission/identity.ts";
import { formatPaired } from "./answers.ts";
import type { EndOfSession } from "./events.ts";
import type { Route } from "./pairing/routes.ts";
import type { Stay } from "./quotas.ts";
import type { Parked } from "./relay-view.ts";
import type { Leg } from "./splice/plane.ts";

export interface Held extends Parked {
  /** null behind a plain listener */
  readonly identity: Identity | null;
  /** what it is counted as; null if it leads to another relay */
  readonly stay: Stay | null;
  readonly leg: Leg;
}

export function namesOf(route: Route): readonly [string, string] {
  return [route.f1, route.f2];
}

/** Whom `name` meets on that route. */
export function peerNameOf(route: Route, name: string): string {
  return name === route.f1 ? route.f2 : route.f1;
}

export function endOf({ connection, name, address, transport }: Held, role: EndOfSession["role"]): EndOfSession {
  return { connection, name, address, transport, role };
}

/** What tells `held` that it is paired; nothing to an end that does not speak CONNECT. */
export function headFor(held: Held, { role }: EndOfSession, session: string, peer: Held): Buffer {
  if (!held.speaksConnect || held.transport === "plain") return Buffer.alloc(0);
  const transport = held.transport === "hop" ? "raw" : held.transport;
  return formatPaired({ transport, session, peer: peer.name, role });
}
