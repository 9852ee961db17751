/** What the environment asks of this function: read and checked whole, before anything is dialled. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import {
  certificateNames,
  type Identity,
  isChannelName,
  isFunctionName,
  isTransport,
  NAME_RULE,
  type RelayAddress,
  type Role,
  type Transport,
} from "@serverless-relay/client";

/** A variable that is missing or will not do. The message begins with its name. */
export class BadEnvironment extends Error {
  override readonly name = "BadEnvironment";

  constructor(variable: string, why: string) {
    super(`${variable} ${why}`);
  }
}

/** How the peer is reached, and on which side of the inner TLS; without TLS there is no side. */
export const MODES = {
  flock_tls_client: { way: "relay", role: "client" },
  flock_tls_server: { way: "relay", role: "server" },
  tls_client: { way: "plain listener", role: "client" },
  tls_server: { way: "plain listener", role: "server" },
} as const satisfies Record<string, { way: string; role: Role }>;

type Mode = keyof typeof MODES;

interface Talk {
  /** who speaks, in every line that is printed */
  readonly name: string;
  readonly target: RelayAddress;
  readonly message: string;
  /** 0: for ever */
  readonly rounds: number;
  /** between two rounds, in milliseconds */
  readonly interval: number;
}

/** Talks in the clear with whoever comes. */
export interface PlainTask extends Talk {
  readonly mode: null;
}

/** Talks with a peer that it verifies. */
export interface TlsTask extends Talk {
  readonly mode: Mode;
  readonly peer: string;
  readonly identity: Identity;
  readonly channel: number | string | undefined;
  readonly transport: Transport | undefined;
  /** seconds */
  readonly wait: number | undefined;
}

export type Task = PlainTask | TlsTask;

type Environment = Readonly<Record<string, string | undefined>>;

const PORT = /^[0-9]{1,5}$/;
const UNITS: Readonly<Record<string, number>> = { "": 1, ms: 1, s: 1_000, m: 60_000 };
/** Node's timers hold no more. */
const MAX_MS = 2 ** 31 - 1;

/** Throws BadEnvironment. */
export function readEnvironment(env: Environment): Task {
  const mode = readMode(env);
  const identity = mode === null ? null : readIdentity(env);
  const name = identity === null ? "function" : ownName(identity);
  const talk = {
    name,
    target: readTarget(env),
    message: readMessage(env, name),
    rounds: wholeNumber(env, "ROUNDS") ?? 1,
    interval: readInterval(env),
  };
  if (mode === null || identity === null) return { ...talk, mode: null };
  const peer = required(env, "PEER");
  if (!isFunctionName(peer)) throw new BadEnvironment("PEER", `is ${JSON.stringify(peer)}: ${NAME_RULE}`);
  const transport = readTransport(env);
  return { ...talk, mode, peer, identity, channel: readChannel(env), transport, wait: wholeNumber(env, "WAIT") };
}

function readMode(env: Environment): Mode | null {
  const { MODE } = env;
  if (MODE === undefined || MODE === "") return null;
  if (Object.hasOwn(MODES, MODE)) return MODE as Mode;
  throw new BadEnvironment("MODE", `is ${JSON.stringify(MODE)}: it is ${Object.keys(MODES).join(", ")}, or not set`);
}

function readIdentity(env: Environment): Identity {
  const [cert, key, ca] = [readFile(env, "FUNCTION_CERT"), readFile(env, "FUNCTION_KEY"), readFile(env, "FUNCTION_CA")];
  parsePem("FUNCTION_CERT", "a certificate", () => new X509Certificate(cert));
  parsePem("FUNCTION_KEY", "the private key of FUNCTION_CERT", () => createSecureContext({ cert, key }));
  parsePem("FUNCTION_CA", "a CA certificate", () => new X509Certificate(ca));
  return { cert, key, ca };
}

function readFile(env: Environment, variable: string): Buffer {
  const path = required(env, variable);
  try {
    return readFileSync(path);
  } catch (error) {
    throw new BadEnvironment(variable, `cannot be read: ${messageOf(error)}`);
  }
}

function parsePem(variable: string, what: string, parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    throw new BadEnvironment(variable, `is not the path of ${what} in PEM: ${messageOf(error)}`);
  }
}

function ownName(identity: Identity): string {
  const [name] = certificateNames(new X509Certificate(identity.cert));
  if (name === undefined) throw new BadEnvironment("FUNCTION_CERT", `bears no function's name: ${NAME_RULE}`);
  return name;
}

function readTarget(env: Environment): RelayAddress {
  const target = required(env, "TARGET");
  const match = /^(?:\[([^\]\s]+)\]|([^:[\]\s/]+)):([0-9]{1,5})$/.exec(target);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host !== undefined && port >= 1 && port <= 65_535) return { host, port };
  throw new BadEnvironment("TARGET", `is ${JSON.stringify(target)}: it is host:port, or [ipv6]:port`);
}

function readMessage(env: Environment, name: string): string {
  const message = env.MESSAGE ?? `hello from ${name}`;
  if (/[\r\n]/.test(message)) throw new BadEnvironment("MESSAGE", "holds a line break: it is one line");
  return message;
}

function readInterval(env: Environment): number {
  const text = optional(env, "INTERVAL") ?? "1000";
  const [, digits, unit = ""] = /^([0-9]{1,10})(ms|s|m)?$/.exec(text) ?? [];
  const ms = Number(digits) * (UNITS[unit] ?? Number.NaN);
  if (ms <= MAX_MS) return ms;
  throw new BadEnvironment(
    "INTERVAL",
    `is ${JSON.stringify(text)}: it is a time like 1000 (milliseconds), 500ms or 2s`,
  );
}

function readChannel(env: Environment): number | string | undefined {
  const channel = optional(env, "CHANNEL");
  if (channel === undefined) return undefined;
  if (PORT.test(channel) && Number(channel) >= 1 && Number(channel) <= 65_535) return Number(channel);
  if (!PORT.test(channel) && isChannelName(channel)) return channel;
  throw new BadEnvironment("CHANNEL", `is ${JSON.stringify(channel)}: it is a port, 1 to 65535, or a token`);
}

function readTransport(env: Environment): Transport | undefined {
  const transport = optional(env, "TRANSPORT");
  if (transport === undefined || isTransport(transport)) return transport;
  throw new BadEnvironment("TRANSPORT", `is ${JSON.stringify(transport)}: it is raw or tls`);
}

function wholeNumber(env: Environment, variable: string): number | undefined {
  const text = optional(env, variable);
  if (text === undefined || /^[0-9]{1,9}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new BadEnvironment(variable, `is ${JSON.stringify(text)}: it is a whole number, 0 or more`);
}

function required(env: Environment, variable: string): string {
  const value = optional(env, variable);
  if (value === undefined) throw new BadEnvironment(variable, "is not set");
  return value;
}

function optional(env: Environment, variable: string): string | undefined {
  return env[variable] === "" ? undefined : env[variable];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
