/** Goes to the relay that has granted a function, to be joined to it. */
import type { Socket } from "node:net";
import { connectBare } from "@serverless-relay/client/bare";
import type { Grant } from "./claims.ts";

/** A relay's certificate for other relays. PEM. */
export interface PeerCredentials {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** the CA of the relays' certificates */
  readonly ca: string | Buffer;
}

/** The function for whom the other relay's is wanted. */
export interface Caller {
  /** the name of the function that was granted */
  readonly peer: string;
  readonly role: "client" | "server" | undefined;
}

/** A connection that leads to the function that was granted. */
export interface PeerHop {
  /** bare; `readAhead` came with the answer, and precedes what is in the socket */
  readonly link: { readonly kind: "bare"; readonly socket: Socket; readonly readAhead: Buffer };
  readonly address: string;
  /** what that relay has decided on: the session's id, and the side of the inner TLS that the caller's function takes */
  readonly told: { readonly session: string; readonly role: "client" | "server" };
}

/** The grant is kept for 2 s; what takes longer is too late. */
const DIAL_MS = 3_000;

/**
 * Resolves with the bare connection that leads to the peer: the other relay has joined the two there. Rejects with the
 * SDK's errors where that relay is away, or has nothing for the claim any more.
 */
export async function dialPeer(
  { claim, address }: Grant,
  { peer, role }: Caller,
  credentials: PeerCredentials,
): Promise<PeerHop> {
  const {
    socket,
    rest,
    session,
    role: told,
  } = await connectBare({
    relay: address,
    peer,
    channel: claim,
    role,
    identity: credentials,
    timeout: DIAL_MS,
  });
  return {
    link: { kind: "bare", socket, readAhead: rest },
    address,
    told: { session, role: told },
  };
}
