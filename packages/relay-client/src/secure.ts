/** The inner TLS alone, over a connection that the caller has got some other way: a plain listener of a relay, say. */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { isFunctionName, isRole, NAME_RULE, type Role } from "@serverless-relay/protocol";
import { Deadline } from "./deadline.ts";
import { checkIdentity, type Identity } from "./identity.ts";
import { openInner } from "./inner.ts";
import { timeoutOf } from "./options.ts";
import { Underlay } from "./underlay.ts";

export interface SecureOptions {
  /** the side of the TLS that this end takes; the peer must take the other */
  readonly role: Role;
  /** the name that the peer's certificate must bear */
  readonly peer: string;
  readonly identity: Identity;
  /** gives up with the signal's reason */
  readonly signal?: AbortSignal | undefined;
  /** milliseconds; default 90 s */
  readonly timeout?: number | undefined;
  /** as in `net.connect`: whether the socket may go on sending after the peer has ended; default false */
  readonly allowHalfOpen?: boolean | undefined;
  /** what may be spoken on the socket (ALPN), the best first; default: not said */
  readonly alpn?: readonly string[] | undefined;
}

/**
 * Makes a connected `socket`, of which nothing has been read, an mTLS connection with `peer`, verified as `connect` does.
 * The socket is this function's from now on, and should have been made with `allowHalfOpen`. Rejects with PeerNotVerified,
 * ConnectionTruncated, RelayTimeout or the signal's reason; the socket is closed then.
 */
export async function secure(socket: Socket, options: SecureOptions): Promise<TLSSocket> {
  const { role, peer, identity, allowHalfOpen = false, alpn = [] } = options;
  if (!isRole(role)) throw new RangeError(`role: ${JSON.stringify(role)} will not do: it is "client" or "server"`);
  if (!isFunctionName(peer)) throw new RangeError(`peer: ${JSON.stringify(peer)} will not do: ${NAME_RULE}`);
  checkIdentity(identity);
  const deadline = new Deadline(timeoutOf(options), options.signal, `verifying ${peer}`);
  const underlay = new Underlay(socket);
  underlay.begin(Buffer.alloc(0));
  try {
    return await deadline.limit(openInner(underlay, { role, peer, identity, allowHalfOpen, alpn }));
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    deadline.clear();
  }
}
