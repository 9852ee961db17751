/** What `connect` may be asked for. Every mistake is told by the option's name, before any connection is made. */

import type { Role, Transport } from "@serverless-relay/protocol";
import { isChannelName, isFunctionName, isRole, isTransport, NAME_RULE } from "@serverless-relay/protocol";
import { checkAuthorities, checkIdentity, type Identity } from "./identity.ts";

export interface ConnectOptions {
  /** where the relay listens: "relay.example:8443", "[::1]:8443", or the two parts */
  readonly relay: string | RelayAddress;
  /** the name of the function to meet */
  readonly peer: string;
  readonly identity: Identity;
  /** the CAs that the relay's certificate is issued by; default: `identity.ca` */
  readonly relayCa?: string | Buffer | undefined;
  /** the name that the relay's certificate must bear; default: the relay's host */
  readonly servername?: string | undefined;
  /** which of several conversations: a port, 1 to 65535, or a token (`Relay-Channel`); default: 443 */
  readonly channel?: number | string | undefined;
  /** the side of the inner TLS that this end insists on; default: whichever the relay says */
  readonly role?: Role | undefined;
  /** which of the own certificate's names is meant, where more than one would fit */
  readonly as?: string | undefined;
  /** how long to wait for the peer, in seconds; the relay has a default and a maximum of its own */
  readonly wait?: number | undefined;
  /** default "raw": the outer TLS is taken off; "tls": the session stays inside it */
  readonly transport?: Transport | undefined;
  /** gives up with the signal's reason */
  readonly signal?: AbortSignal | undefined;
  /** a deadline for the whole of connect, in milliseconds; default: `wait` (60 s where it is not given) and 30 s */
  readonly timeout?: number | undefined;
  /** as in `net.connect`: whether the socket may go on sending after the peer has ended; default false */
  readonly allowHalfOpen?: boolean | undefined;
}

export interface RelayAddress {
  /** a host name or an IP address */
  readonly host: string;
  readonly port: number;
}

/** The options with every default filled in. */
export interface Plan {
  readonly relay: RelayAddress;
  readonly relayCa: string | Buffer;
  readonly servername: string;
  readonly identity: Identity;
  readonly peer: string;
  readonly port: number;
  readonly channel: string | undefined;
  readonly role: Role | undefined;
  readonly as: string | undefined;
  readonly wait: number | undefined;
  readonly transport: Transport;
  readonly timeout: number;
  readonly allowHalfOpen: boolean;
}

const DEFAULT_PORT = 443;
const DEFAULT_WAIT = 60;
const MARGIN_MS = 30_000;

/** Throws TypeError or RangeError, naming the option. */
export function planOf(options: ConnectOptions): Plan {
  const { peer, role, as, wait, channel, transport = "raw", identity, relayCa } = options;
  const relay = relayAddress(options.relay);
  check(isName(peer), "peer", peer, NAME_RULE);
  check(as === undefined || isName(as), "as", as, NAME_RULE);
  check(role === undefined || isRole(role), "role", role, `it is "client" or "server"`);
  check(isTransport(transport), "transport", transport, `it is "raw" or "tls"`);
  check(wait === undefined || isWholeNumber(wait, 0, 999_999_999), "wait", wait, "it is a whole number of seconds");
  check(isChannel(channel), "channel", channel, "it is a port, 1 to 65535, or a token of at most 128 characters");
  checkIdentity(identity);
  if (relayCa !== undefined) checkAuthorities("relayCa", relayCa);
  return {
    relay,
    relayCa: relayCa ?? identity.ca,
    servername: options.servername ?? relay.host,
    identity,
    peer,
    port: typeof channel === "number" ? channel : DEFAULT_PORT,
    channel: typeof channel === "string" ? channel : undefined,
    role,
    as,
    wait,
    transport,
    timeout: timeoutOf(options),
    allowHalfOpen: options.allowHalfOpen ?? false,
  };
}

/** The deadline in milliseconds, as documented with the option. */
export function timeoutOf(options: {
  readonly timeout?: number | undefined;
  readonly wait?: number | undefined;
}): number {
  const { timeout = (options.wait ?? DEFAULT_WAIT) * 1000 + MARGIN_MS } = options;
  // Node's timers hold no more than 2^31 - 1 ms.
  check(
    timeout > 0 && timeout < 2 ** 31,
    "timeout",
    timeout,
    "it is a number of milliseconds, more than 0, less than 2^31",
  );
  return timeout;
}

function relayAddress(relay: string | RelayAddress): RelayAddress {
  const { host, port } = typeof relay === "string" ? parseAddress(relay) : relay;
  check(
    host !== "" && isWholeNumber(port, 1, 65_535),
    "relay",
    relay,
    `it is "host:port", "[ipv6]:port" or { host, port }`,
  );
  return { host, port };
}

function parseAddress(text: string): RelayAddress {
  const match = /^(?:\[([^\]\s]+)\]|([^:[\]\s/]+)):([0-9]{1,5})$/.exec(text);
  return { host: match?.[1] ?? match?.[2] ?? "", port: Number(match?.[3] ?? 0) };
}

// Callers in JavaScript pass what they find in the environment, undefined too.
function isName(name: unknown): boolean {
  return typeof name === "string" && isFunctionName(name);
}

function isChannel(channel: number | string | undefined): boolean {
  if (typeof channel === "string") return isChannelName(channel);
  return channel === undefined || isWholeNumber(channel, 1, 65_535);
}

function isWholeNumber(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

function check(holds: boolean, option: string, value: unknown, rule: string): void {
  if (!holds) throw new RangeError(`${option}: ${JSON.stringify(value)} will not do: ${rule}`);
}
