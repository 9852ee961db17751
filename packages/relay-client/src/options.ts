/** What `connect` may be asked for. Every mistake is told by the option's name, before any connection is made. */
import type { Role, Transport } from "@serverless-relay/protocol";
import { isChannelName, isFunctionName, isRole, isTransport, NAME_RULE } from "@serverless-relay/protocol";
import { RelayTimeout } from "./errors.ts";
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
  /**
   * how long this function still has to live, in milliseconds (AWS Lambda: `context.getRemainingTimeInMillis()`); `timeout` and
   * `wait` are cut down to it, so that the outcome is there while something can be done about it
   */
  readonly remaining?: number | undefined;
  /** as in `net.connect`: whether the socket may go on sending after the peer has ended; default false */
  readonly allowHalfOpen?: boolean | undefined;
  /** what may be spoken on the socket (ALPN), the best first: ["h2"] for a server of `node:http2`; default: not said */
  readonly alpn?: readonly string[] | undefined;
  /** admitted, and parked until the peer comes; in transport "tls", where the relay does not say so: asked */
  readonly onWaiting?: (() => void) | undefined;
  /** the relay has found the peer, which is verified next */
  readonly onPaired?: ((pairing: Pairing) => void) | undefined;
}

/** What the relay says of a pair. It proves nothing yet. */
export interface Pairing {
  /** the session's id, the same at both ends and in the relay's log */
  readonly session: string;
  readonly peer: string;
  /** the side of the inner TLS that this end takes */
  readonly role: Role;
  readonly transport: Transport;
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
  readonly alpn: readonly string[];
  readonly onWaiting: (() => void) | undefined;
  readonly onPaired: ((pairing: Pairing) => void) | undefined;
}

const DEFAULT_PORT = 443;
const DEFAULT_WAIT = 60;
/** For everything that is not waiting: the handshakes. */
export const MARGIN_MS = 30_000;
/** What is left of `remaining` when connect gives up. */
const RESERVE_MS = 500;
/** The relay's own answer is to come before the deadline: it tells more. */
const ANSWER_MS = 1_000;

/** Throws TypeError or RangeError, naming the option, and RelayTimeout if `remaining` leaves no time. */
export function planOf(options: ConnectOptions): Plan {
  checkNode();
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
    transport,
    ...patience(options),
    allowHalfOpen: options.allowHalfOpen ?? false,
    alpn: options.alpn ?? [],
    onWaiting: options.onWaiting,
    onPaired: options.onPaired,
  };
}

/** An older Node would get as far as a method that it lacks, and name that. */
function checkNode(): void {
  if (typeof Promise.withResolvers === "function") return;
  throw new Error(`@serverless-relay/client needs Node 22.13 or later; this is ${process.version}`);
}

function patience(options: ConnectOptions): Pick<Plan, "timeout" | "wait"> {
  const { remaining, wait } = options;
  const timeout = timeoutOf(options);
  if (remaining === undefined) return { timeout, wait };
  check(Number.isFinite(remaining), "remaining", remaining, "it is a number of milliseconds");
  const left = Math.floor(remaining - RESERVE_MS);
  if (left <= 0)
    throw new RelayTimeout(`not connected: of the function's time only ${Math.floor(remaining)} ms remain`);
  const most = Math.max(1, Math.floor((left - ANSWER_MS) / 1000)); // 0 would be: only if the peer is there already
  return { timeout: Math.min(timeout, left), wait: Math.min(wait ?? DEFAULT_WAIT, most) };
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
  const address = typeof relay === "string" ? parseAddress(relay) : relay;
  // Callers in JavaScript pass what they find in the environment, undefined too.
  if (address && isAddress(address)) return { host: address.host, port: address.port };
  throw unfit("relay", relay, `it is "host:port", "[ipv6]:port" or { host, port }`);
}

/** "host:port" or "[ipv6]:port"; null for anything else. */
export function parseAddress(text: string): RelayAddress | null {
  const [, ipv6, name = ipv6 ?? "", port] = /^(?:\[([^\]\s]+)\]|([^:[\]\s/]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const address = { host: name, port: Number(port) };
  return isAddress(address) ? address : null;
}

function isAddress({ host, port }: RelayAddress): boolean {
  return host !== "" && isWholeNumber(port, 1, 65_535);
}

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
  if (!holds) throw unfit(option, value, rule);
}

function unfit(option: string, value: unknown, rule: string): RangeError {
  return new RangeError(`${option}: ${JSON.stringify(value)} will not do: ${rule}`);
}
