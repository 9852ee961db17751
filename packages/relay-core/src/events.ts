/**
 * What relay-core tells the outside: one typed event for each thing that happens to a connection. It knows no logger and
 * no metrics library; whoever constructs a Relay passes an observer. The reasons are closed sets, so that one word is log
 * field, metric label and answer at once.
 */
import type { RefusalReason, Role } from "@serverless-relay/protocol";
import type { DropReason } from "./admission/drops.ts";
import type { LimitName } from "./limits.ts";
import type { CloseReason } from "./splice/plane.ts";

/**
 * How an end talks to the relay; `plain` is a connection of a plain listener: no TLS, nobody verified; `hop` leads to
 * another relay, at which the end is parked.
 */
export type EndTransport = "raw" | "tls" | "plain" | "hop";

interface ConnectionEvent {
  /** id of the connection at the relay */
  readonly connection: string;
  /** "127.0.0.1:5000" */
  readonly address: string;
}

export interface EndOfSession {
  readonly connection: string;
  /** verified name; null behind a plain listener */
  readonly name: string | null;
  readonly address: string;
  readonly transport: EndTransport;
  readonly role: Role;
}

interface SessionEvent {
  readonly session: string;
  readonly route: readonly [string, string];
  readonly channel: string;
}

export type RelayEvent =
  | (ConnectionEvent & {
      readonly event: "admitted";
      readonly name: string | null;
      readonly peer: string | null;
      readonly route: readonly [string, string];
      readonly channel: string;
      readonly transport: EndTransport;
      /** "sha256:" and 64 hexadecimal digits, of the certificate in DER; null behind a plain listener */
      readonly certificate: string | null;
      /** from accept to admitted */
      readonly durationMs: number;
    })
  | (ConnectionEvent & {
      /** answered with a status; before it was admitted, or while it was parked */
      readonly event: "refused";
      readonly reason: RefusalReason;
      /** names of its certificate as far as they are known */
      readonly names: readonly string[];
      readonly peer: string | null;
      /** it had been admitted, and waited for its peer */
      readonly parked?: true;
      /** since it was accepted, or parked */
      readonly durationMs: number;
      /** what the TLS library said of the certificate, or another detail for the operator */
      readonly detail?: string;
      /** the limit that was met, where one was */
      readonly limit?: LimitName;
    })
  | (ConnectionEvent & {
      /** ended without an answer, before it was admitted */
      readonly event: "dropped";
      readonly reason: DropReason;
      readonly names: readonly string[];
      readonly durationMs: number;
      readonly detail?: string;
      /** the limit that was met, where one was */
      readonly limit?: LimitName;
    })
  | (ConnectionEvent & {
      /** a parked client went away */
      readonly event: "departed";
      readonly name: string | null;
      readonly route: readonly [string, string];
      readonly channel: string;
      readonly durationMs: number;
    })
  | (SessionEvent & {
      readonly event: "paired";
      readonly ends: readonly [EndOfSession, EndOfSession];
      /** how long the first of the two had been parked */
      readonly waitedMs: number;
    })
  | (SessionEvent & {
      readonly event: "ended";
      readonly reason: CloseReason;
      /** the end that caused it, where one did */
      readonly by: string | null;
      readonly names: readonly [string | null, string | null];
      /** sent by the first end, sent by the second */
      readonly bytes: readonly [number, number];
      readonly durationMs: number;
    });

export type Observer = (event: RelayEvent) => void;
