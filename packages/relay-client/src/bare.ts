/**
 * A connection without an inner TLS: what a relay needs that meets another relay. A function uses `connect`: its bytes are
 * for its peer alone, and here nobody would keep them from the relay.
 */
import type { Socket } from "node:net";
import type { Role } from "@serverless-relay/protocol";
import { net } from "./builtins.ts";
import { Deadline } from "./deadline.ts";
import { dial, formatAddress, type Link } from "./dial.ts";
import { Exchange } from "./exchange.ts";
import { checkIdentity, type Identity } from "./identity.ts";
import { type ConnectOptions, type Plan, parseAddress, planOf, type RelayAddress } from "./options.ts";
import { ask } from "./request.ts";

export interface BareConnection {
  /** paused, without listeners but one for errors */
  readonly socket: Socket;
  /** the first bytes of the session, where they came together with the answer */
  readonly rest: Buffer;
  readonly session: string;
  /** the side of an inner TLS that this end is to take */
  readonly role: Role;
}

/** A verified connection to a relay, on which nothing has been asked yet. */
export interface OpenLink {
  readonly link: Link;
  /** Whoever does not use it closes it. */
  close(): void;
  /** `listener` is called once the relay has ended or broken it; it is no use then. */
  onGone(listener: () => void): void;
}

/**
 * What is said inside TLS here is a claim that is good once, for two seconds: nobody gains by reading it in twenty years. The key
 * exchange that withstands quantum computers, which Node offers first, is a tenth of what the handshake costs the two relays.
 */
const ecdhCurve = "X25519";

interface Where {
  readonly relay: string;
  readonly identity: Identity;
  /** milliseconds, for all of it */
  readonly timeout: number;
}

/** The part of `connectBare` that can be done before it is known for whom. Rejects as that does. */
export async function openLink({ relay: address, identity, timeout }: Where): Promise<OpenLink> {
  checkIdentity(identity);
  const relay = parseAddress(address);
  if (relay === null) throw new RangeError(`relay: ${JSON.stringify(address)} will not do: it is "host:port"`);
  const deadline = new Deadline(timeout, undefined, `reaching ${address}`);
  const socket = openSocket(relay);
  try {
    const link = await deadline.limit(
      dial(socket, { relay, relayCa: identity.ca, servername: relay.host, identity, ecdhCurve }),
    );
    return {
      link,
      close: () => void socket.destroy(),
      onGone: (listener) => void link.outer.once("end", listener).once("close", listener),
    };
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    deadline.clear();
  }
}

/**
 * Meets `peer`, by transport raw, and stops there; over `open`, where there is such a link to that relay already. Rejects as
 * `connect` does; nothing is left open then.
 */
export async function connectBare(
  options: Omit<ConnectOptions, "transport" | "allowHalfOpen">,
  open?: OpenLink,
): Promise<BareConnection> {
  const plan = planOf(options);
  const deadline = new Deadline(plan.timeout, options.signal, `meeting ${plan.peer} at ${formatAddress(plan.relay)}`);
  const socket = open?.link.socket ?? openSocket(plan.relay);
  try {
    return await deadline.limit(meet(socket, plan, open));
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    deadline.clear();
  }
}

function openSocket(relay: RelayAddress): Socket {
  const socket = net().connect({ ...relay, noDelay: true, allowHalfOpen: true });
  return socket.on("error", () => {}); // each phase listens for itself; nothing in between may end the process
}

async function meet(socket: Socket, plan: Plan, open: OpenLink | undefined): Promise<BareConnection> {
  const link = open?.link ?? (await dial(socket, { ...plan, ecdhCurve }));
  const exchange = new Exchange(link);
  const asked = ask(link, exchange, plan);
  asked.catch(() => {}); // it is awaited below, maybe a little later than it fails
  await exchange.requested.catch(async () => asked); // the failed answer tells more
  void exchange.follow(link.records.detach());
  const { session, role, rest } = await asked;
  return { socket, rest, session, role };
}
