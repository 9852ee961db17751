/**
 * Peers that are parked at other relays. Whoever finds them (a cluster) is injected: relay-core knows how to take one of its
 * parked functions out of its rendezvous, and how to join it to a connection that leads to another relay.
 */
import type { Role } from "@serverless-relay/protocol";
import type { BareLink } from "./link.ts";
import type { Route } from "./pairing/routes.ts";

export interface Elsewhere {
  /** Looks for the seeker's peer at other relays, and lets them find it, until what is returned is called. */
  seek(seeker: Seeker): () => void;
}

/** A parked function whose peer is not here. */
export interface Seeker {
  /** id of its connection at this relay */
  readonly connection: string;
  readonly route: Route;
  readonly channel: string;
  readonly name: string;
  readonly peer: string;
  /** the side of the inner TLS that it asked for */
  readonly role: Role | undefined;
  /** `performance.now()` */
  readonly deadline: number;
  /** Keeps it from being paired here. False if it has been, or has left. */
  take(): boolean;
  /** It was taken, and may be paired here again; it keeps its place in the queue. */
  putBack(): void;
  /** Somebody came who asked for the same role. */
  noteConflict(): void;
  /** Its peer waits at none of the other relays: they were asked, and nobody has it. */
  noteNobody(): void;
  /** It was taken: joins it to its peer behind `hop`. False if it has left, or the hop has broken; then it is put back. */
  meet(hop: Hop): Promise<boolean>;
}

/** A connection between two relays that carries one session. */
export interface Hop {
  readonly link: BareLink;
  /** of the other relay, "10.0.0.2:7443" */
  readonly address: string;
  /** what the relay that was asked has said of the session; absent at that relay, which decides */
  readonly told?: { readonly session: string; readonly role: Role };
  /** the side of the inner TLS that the peer behind the hop asked for */
  readonly peerRole?: Role | undefined;
}
