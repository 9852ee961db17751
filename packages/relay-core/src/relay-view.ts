/** What an operator sees of a Relay: who is parked, and which sessions are under way. */
import type { EndOfSession, EndTransport } from "./events.ts";
import type { Arrival } from "./pairing/rendezvous.ts";
import type { Route } from "./pairing/routes.ts";

/** A parked connection, as an operator sees it. */
export interface Parked extends Arrival {
  readonly connection: string;
  readonly address: string;
  readonly transport: EndTransport;
  /** whether it speaks CONNECT, and so is told that it is paired, or why not */
  readonly speaksConnect: boolean;
  /** null behind a plain listener; `notAfter`: of its certificate, milliseconds since the epoch */
  readonly identity: { readonly notAfter: number } | null;
  /** `performance.now()` */
  readonly parkedAt: number;
}

/** A session under way. */
export interface LiveSession {
  readonly id: string;
  readonly route: Route;
  readonly channel: string;
  /** milliseconds since the epoch */
  readonly startedAt: number;
  readonly ends: readonly [EndOfSession, EndOfSession];
  /** sent by the first end, sent by the second, so far */
  readonly bytes: readonly [number, number];
}
