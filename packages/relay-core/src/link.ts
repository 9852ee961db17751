/** An admitted connection as it crosses from admission to the data plane. */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** TCP without TLS: the outer TLS was taken off, or (behind a plain listener) there never was any. */
export interface BareLink {
  readonly kind: "bare";
  /** paused, no listeners; may hold bytes that Node has read already */
  readonly socket: Socket;
  /** bytes of the session that were read along with the TLS that came before them; they precede those in `socket` */
  readonly readAhead: Buffer;
}

/** The connection stays inside its outer TLS. */
interface TlsLink {
  readonly kind: "tls";
  /** paused, no listeners but one for errors */
  readonly tls: TLSSocket;
  /** the TCP connection underneath: a reset is a matter of TCP */
  readonly socket: Socket;
}

export type Link = BareLink | TlsLink;
