/**
 * A connection's whole story: dial the relay, ask for the peer, take the outer TLS off, meet the peer and verify it. What a
 * step opens hangs on the one TCP connection: whatever fails, that is destroyed, and everything above goes with it.
 */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { net } from "./builtins.ts";
import { Deadline } from "./deadline.ts";
import { dial, formatAddress, type Link } from "./dial.ts";
import { Exchange } from "./exchange.ts";
import { openInner } from "./inner.ts";
import { type ConnectOptions, MARGIN_MS, type Pairing, type Plan, planOf } from "./options.ts";
import { ask } from "./request.ts";
import { Underlay } from "./underlay.ts";

export interface RelayConnection extends Pairing {
  /** mTLS with the peer, which is verified. A connection that is cut off fails with ConnectionTruncated, never with `end`. */
  readonly socket: TLSSocket;
}

/** A NAT forgets a connection on which nothing moves, and a relay that lost its power says nothing: a parked end asks. */
const KEEP_ALIVE_MS = 30_000;

/**
 * Meets `peer` through the relay. Rejects with RelayUnreachable, RelayNotVerified, RelayRefused, RelayProtocolError,
 * PeerNotVerified, WrongPeer, HandshakeTruncated or RelayTimeout, with the signal's reason, or with TypeError or RangeError
 * for an option; nothing is left open then.
 */
export async function connect(options: ConnectOptions): Promise<RelayConnection> {
  const plan = planOf(options);
  const deadline = new Deadline(plan.timeout, options.signal, `dialling relay ${formatAddress(plan.relay)}`);
  // A FIN is the end of one direction only: the inner TLS decides about the other.
  const socket = net().connect({
    ...plan.relay,
    noDelay: true,
    allowHalfOpen: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  });
  socket.on("error", () => {}); // each phase listens for itself; nothing in between may end the process
  try {
    return await deadline.limit(meet(socket, plan, deadline));
  } catch (error) {
    leave(socket);
    throw error;
  } finally {
    deadline.clear();
  }
}

/**
 * Behind the ClientHello that went out early, a FIN would be the end of one direction alone: the relay would keep the place,
 * and give it to the peer. A reset is a departure.
 */
function leave(socket: Socket): void {
  if (socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}

async function meet(socket: Socket, plan: Plan, deadline: Deadline): Promise<RelayConnection> {
  const link = await dial(socket, plan);
  const { peer, identity, allowHalfOpen, alpn, transport } = plan;
  deadline.during = `waiting for ${peer} at relay ${formatAddress(plan.relay)}`;
  const exchange = new Exchange(link);
  const asked = ask(link, exchange, plan);
  asked.catch(() => {}); // it is awaited below, maybe a little later than it fails
  const underlay =
    transport === "raw" ? await takeOffOuterTls(link, exchange, asked, plan) : stayInOuterTls(link, plan);
  // Where the side is fixed, the ClientHello need not wait for the answer: it goes out right behind our close_notify.
  const early = transport === "raw" && plan.role === "client";
  const opening = early ? openInner(underlay, { role: "client", peer, identity, allowHalfOpen, alpn }) : null;
  opening?.catch(() => {}); // without an answer it fails as well, and tells less
  const { session, role, rest } = await asked;
  plan.onPaired?.({ session, peer, role, transport });
  underlay.begin(rest);
  deadline.during = `verifying ${peer}`;
  deadline.tighten(MARGIN_MS);
  const inner = await (opening ?? openInner(underlay, { role, peer, identity, allowHalfOpen, alpn }));
  keepEventLoopAs(inner, socket);
  return { socket: inner, session, peer, role, transport };
}

/**
 * Sends close_notify in one flight with the request (PROTOCOL.md, "Detach"): reads are record-exact, so there is nothing
 * to wait for. The relay's close_notify is read, and the bare connection found behind it, while the answer is awaited.
 */
async function takeOffOuterTls(link: Link, exchange: Exchange, asked: Promise<unknown>, plan: Plan): Promise<Underlay> {
  await exchange.requested.catch(async () => asked); // the failed answer tells more
  const detaching = link.records.detach();
  void exchange.follow(detaching, plan.onWaiting);
  return new Underlay(link.socket, detaching.sent);
}

function stayInOuterTls(link: Link, plan: Plan): Underlay {
  link.records.stayInTls();
  plan.onWaiting?.();
  return new Underlay(link.outer);
}

// A pool lets go of the event loop with its idle connections. Their sockets have no handle of their own to let go of.
function keepEventLoopAs(inner: TLSSocket, socket: Socket): void {
  inner.ref = () => {
    socket.ref();
    return inner;
  };
  inner.unref = () => {
    socket.unref();
    return inner;
  };
}
