/**
 * Goes to the relay that has granted a function, to be joined to it. The handshake is half of what that takes: so, for a few
 * seconds after a hop to a relay, a further link there is kept ready for the next one.
 */
import type { Socket } from "node:net";
import { connectBare, type OpenLink, openLink } from "@serverless-relay/client/bare";
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

/** To reach a relay. The grant is kept for 2 s; what takes longer is too late. */
const DIAL_MS = 3_000;
/**
 * For its answer, once it has been asked. It may have joined the two by then: to give up on a relay that is only slow would end
 * a session that its function has been told of.
 */
const ANSWER_MS = 5_000;
/** Whoever waits for this hop comes first: both relays need a millisecond or two of CPU for a link. */
const PREPARE_AFTER_MS = 10;
/** Well within the time that a relay gives to whoever has asked for nothing yet. */
const READY_MS = 3_000;
/** Links kept ready to one relay: as many as hops that were made at once. */
const MOST_READY = 8;

interface Ready {
  readonly open: OpenLink;
  readonly expiry: NodeJS.Timeout;
}

export class PeerDialer {
  #credentials: PeerCredentials;
  readonly #readyMs: number;
  readonly #ready = new Map<string, Ready[]>();
  /** being opened, by address */
  readonly #opening = new Map<string, number>();
  #closed = false;

  /** @param readyMs how long a link is kept that nobody uses */
  constructor(credentials: PeerCredentials, { readyMs = READY_MS }: { readonly readyMs?: number } = {}) {
    this.#credentials = credentials;
    this.#readyMs = readyMs;
  }

  /**
   * Resolves with the bare connection that leads to the peer: the other relay has joined the two there. Rejects with the
   * SDK's errors where that relay is away, or has nothing for the claim any more.
   */
  async dial({ claim, address }: Grant, { peer, role }: Caller): Promise<PeerHop> {
    const options = { relay: address, peer, channel: claim, role, identity: this.#credentials, timeout: ANSWER_MS };
    const { socket, rest, session, role: told } = await this.#connect(options);
    setTimeout(() => this.#prepare(address), PREPARE_AFTER_MS).unref();
    return { link: { kind: "bare", socket, readAhead: rest }, address, told: { session, role: told } };
  }

  /** From the next hop on: links that were made ready with the former ones are given up. */
  setCredentials(credentials: PeerCredentials): void {
    this.#credentials = credentials;
    this.#dropReady();
  }

  /** Links that are kept ready. */
  get size(): number {
    let kept = 0;
    for (const ready of this.#ready.values()) kept += ready.length;
    return kept;
  }

  close(): void {
    this.#closed = true;
    this.#dropReady();
  }

  #dropReady(): void {
    for (const ready of [...this.#ready.values()].flat()) drop(ready);
    this.#ready.clear();
  }

  /** A link that was kept may have been ended by now; a claim is honoured once, so trying again does no harm. */
  async #connect(options: Parameters<typeof connectBare>[0] & { readonly relay: string }) {
    const kept = this.#take(options.relay);
    if (kept !== null) {
      try {
        return await connectBare(options, kept);
      } catch (error) {
        if (hopFailureOf(error) === "timed_out") throw error; // by now the grant has lapsed
      }
    }
    return await connectBare(options, await openLink({ ...options, timeout: DIAL_MS }));
  }

  #take(address: string): OpenLink | null {
    const ready = this.#ready.get(address)?.pop();
    if (ready === undefined) return null;
    clearTimeout(ready.expiry);
    return ready.open;
  }

  /** For the next one. If it fails, that one finds out by itself. */
  #prepare(address: string): void {
    const opening = this.#opening.get(address) ?? 0;
    if (this.#closed || opening + (this.#ready.get(address)?.length ?? 0) >= MOST_READY) return;
    this.#opening.set(address, opening + 1);
    const identity = this.#credentials;
    openLink({ relay: address, identity, timeout: DIAL_MS })
      .then(
        (open) => (identity === this.#credentials ? this.#keep(address, open) : open.close()),
        () => {},
      )
      .finally(() => this.#opened(address));
  }

  #opened(address: string): void {
    const left = (this.#opening.get(address) ?? 1) - 1;
    if (left > 0) this.#opening.set(address, left);
    else this.#opening.delete(address);
  }

  #keep(address: string, open: OpenLink): void {
    if (this.#closed) {
      open.close();
      return;
    }
    const ready: Ready = { open, expiry: setTimeout(() => this.#forget(address, ready), this.#readyMs) };
    this.#ready.set(address, [...(this.#ready.get(address) ?? []), ready]);
    open.onGone(() => this.#forget(address, ready));
  }

  #forget(address: string, ready: Ready): void {
    const kept = this.#ready.get(address);
    if (kept?.includes(ready) !== true) return; // it is in use
    drop(ready);
    const left = kept.filter((other) => other !== ready);
    if (left.length > 0) this.#ready.set(address, left);
    else this.#ready.delete(address);
  }
}

/**
 * Why a hop came to nothing. `lapsed`: that relay is there, and has nothing for the claim any more: the function left, or the
 * dial took too long. `broken`: the connection, or what was said on it.
 */
export type HopFailure = "lapsed" | "unreachable" | "not_verified" | "refused" | "timed_out" | "broken";

const FAILURES: Readonly<Record<string, HopFailure>> = {
  RelayUnreachable: "unreachable",
  RelayNotVerified: "not_verified",
  RelayRefused: "refused",
  RelayTimeout: "timed_out",
};

/** @param error what `dial` rejected with */
export function hopFailureOf(error: unknown): HopFailure {
  if (!(error instanceof Error)) return "broken";
  if ("reason" in error && error.reason === "peer_vanished") return "lapsed";
  return FAILURES[error.name] ?? "broken";
}

function drop({ open, expiry }: Ready): void {
  clearTimeout(expiry);
  open.close();
}
