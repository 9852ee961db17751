/** The options of `connect` and `createServer` as a function's environment gives them. */
import { isChannelName, isFunctionName, isTransport, NAME_RULE } from "@serverless-relay/protocol";
import { crypto, tls } from "./builtins.ts";
import type { Identity } from "./identity.ts";
import { messageOf } from "./node-error.ts";
import { type ConnectOptions, parseAddress } from "./options.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable that is missing or will not do. The message begins with its name. */
export class EnvironmentError extends Error {
  override readonly name = "EnvironmentError";
  readonly variable: string;

  constructor(variable: string, why: string, cause?: unknown) {
    super(`${variable} ${why}`, cause === undefined ? undefined : { cause });
    this.variable = variable;
  }
}

type FromEnvironment = Pick<
  ConnectOptions,
  "relay" | "peer" | "identity" | "relayCa" | "servername" | "channel" | "as" | "wait" | "transport"
>;

/**
 * Reads RELAY, RELAY_PEER, FUNCTION_CERT, FUNCTION_KEY, FUNCTION_CA, and where they are set RELAY_CA, RELAY_SERVERNAME,
 * RELAY_CHANNEL, RELAY_AS, RELAY_WAIT and RELAY_TRANSPORT. Certificates and keys are PEM texts, with "\n" for a line's end
 * if need be, or paths. Throws EnvironmentError.
 */
export function fromEnv(env: Environment = process.env): FromEnvironment {
  return { ...relayFromEnv(env), peer: readName("RELAY_PEER", required(env, "RELAY_PEER")) };
}

/** As `fromEnv`, without RELAY_PEER: where the peer is said in some other way. Throws EnvironmentError. */
export function relayFromEnv(env: Environment = process.env): Omit<FromEnvironment, "peer"> {
  const as = optional(env, "RELAY_AS");
  const relayCa = optional(env, "RELAY_CA");
  return {
    relay: readRelay(env),
    identity: readIdentity(env),
    relayCa: relayCa === undefined ? undefined : readAuthorities(env, "RELAY_CA"),
    servername: optional(env, "RELAY_SERVERNAME"),
    channel: readChannel(env),
    as: as === undefined ? undefined : readName("RELAY_AS", as),
    wait: readWait(env),
    transport: readTransport(env),
  };
}

function readRelay(env: Environment): string {
  const text = required(env, "RELAY");
  if (parseAddress(text) !== null) return text;
  throw unfit("RELAY", text, "it is host:port, or [ipv6]:port");
}

function readName(variable: string, text: string): string {
  if (isFunctionName(text)) return text;
  throw unfit(variable, text, NAME_RULE);
}

function readChannel(env: Environment): number | string | undefined {
  const text = optional(env, "RELAY_CHANNEL");
  if (text === undefined) return undefined;
  if (/^[0-9]{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535) return Number(text);
  if (isChannelName(text)) return text;
  throw unfit("RELAY_CHANNEL", text, "it is a port, 1 to 65535, or a token of at most 128 characters");
}

function readWait(env: Environment): number | undefined {
  const text = optional(env, "RELAY_WAIT");
  if (text === undefined || /^[0-9]{1,9}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw unfit("RELAY_WAIT", text, "it is a whole number of seconds");
}

function readTransport(env: Environment): "raw" | "tls" | undefined {
  const text = optional(env, "RELAY_TRANSPORT");
  if (text === undefined || isTransport(text)) return text;
  throw unfit("RELAY_TRANSPORT", text, "it is raw or tls");
}

function readIdentity(env: Environment): Identity {
  const { X509Certificate } = crypto();
  const cert = readPem(env, "FUNCTION_CERT", "a certificate", (pem) => new X509Certificate(pem));
  const key = readPem(env, "FUNCTION_KEY", "the private key of FUNCTION_CERT", (pem) =>
    tls().createSecureContext({ cert, key: pem }),
  );
  return { cert, key, ca: readAuthorities(env, "FUNCTION_CA") };
}

function readAuthorities(env: Environment, variable: string): string {
  return readPem(env, variable, "one or more CA certificates", (pem) => new (crypto().X509Certificate)(pem));
}

function readPem(env: Environment, variable: string, what: string, parse: (pem: string) => unknown): string {
  const text = required(env, variable);
  const pem = text.includes("-----BEGIN ") ? text.replaceAll("\\n", "\n") : readFile(variable, text);
  try {
    parse(pem);
  } catch (error) {
    throw new EnvironmentError(variable, `is neither ${what} in PEM nor the path of one: ${messageOf(error)}`, error);
  }
  return pem;
}

function readFile(variable: string, path: string): string {
  try {
    return process.getBuiltinModule("node:fs").readFileSync(path, "utf8");
  } catch (error) {
    throw new EnvironmentError(variable, `is no PEM text, and as a path cannot be read: ${messageOf(error)}`, error);
  }
}

function required(env: Environment, variable: string): string {
  const value = optional(env, variable);
  if (value === undefined) throw new EnvironmentError(variable, "is not set");
  return value;
}

/** An empty variable counts as one that is not set. */
function optional(env: Environment, variable: string): string | undefined {
  return env[variable] === "" ? undefined : env[variable];
}

function unfit(variable: string, value: string, rule: string): EnvironmentError {
  return new EnvironmentError(variable, `is ${JSON.stringify(value)}: ${rule}`);
}
