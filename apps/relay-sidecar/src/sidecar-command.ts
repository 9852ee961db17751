/** What the commands have in common: who this function is, where its relay is, and how it is watched and stopped. */
import { Command } from "@oclif/core/command";
import * as Flags from "@oclif/core/flags";
import { type Environment, EnvironmentError, fromEnv } from "@serverless-relay/client";
import type { Endpoint } from "./endpoint.ts";
import { Exit, Failure } from "./failure.ts";
import { countFlag, durationFlag, endpointFlag } from "./flags.ts";
import type { LifecycleOptions } from "./lifecycle.ts";
import { LOG_LEVELS } from "./log.ts";

/** The variables of the SDK's `fromEnv`, by the flags that go before them. */
const VARIABLES = {
  relay: "RELAY",
  cert: "FUNCTION_CERT",
  key: "FUNCTION_KEY",
  ca: "FUNCTION_CA",
  "relay-ca": "RELAY_CA",
  servername: "RELAY_SERVERNAME",
  channel: "RELAY_CHANNEL",
  as: "RELAY_AS",
  wait: "RELAY_WAIT",
  transport: "RELAY_TRANSPORT",
} as const;

type RelayFlags = { readonly [flag in keyof typeof VARIABLES]?: string | undefined };

function relayFlag(flag: keyof typeof VARIABLES, helpValue: string, summary: string) {
  return Flags.string({ env: VARIABLES[flag], helpValue, summary, helpGroup: "RELAY", noCacheDefault: true });
}

export abstract class SidecarCommand extends Command {
  static override baseFlags = {
    relay: relayFlag("relay", "HOST:PORT", "Where the relay listens."),
    cert: relayFlag("cert", "FILE", "This function's certificate."),
    key: relayFlag("key", "FILE", "Its private key."),
    ca: relayFlag("ca", "FILE", "The CAs that peers' certificates are issued by."),
    "relay-ca": relayFlag("relay-ca", "FILE", "Those of the relay's certificate. Default: those of --ca."),
    servername: relayFlag("servername", "NAME", "The name in the relay's certificate. Default: the host in --relay."),
    channel: relayFlag("channel", "CHANNEL", "Which of several conversations: a port or a token. Default: 443."),
    as: relayFlag("as", "NAME", "Which of the certificate's names is meant, where it has several."),
    wait: relayFlag("wait", "SECONDS", "How long to wait for the peer."),
    transport: relayFlag("transport", "raw|tls", "raw takes the outer TLS off, tls leaves it on. Default: raw."),
    health: endpointFlag("health", { summary: "Answers /healthz and /readyz there.", env: "SIDECAR_HEALTH" }),
    "max-connections": countFlag("max-connections", {
      summary: "So many connections at once, and no more. Default: 1000.",
      env: "SIDECAR_MAX_CONNECTIONS",
    }),
    "drain-timeout": durationFlag("drain-timeout", {
      summary: "How long connections may go on after SIGTERM. Default: 30s.",
      env: "SIDECAR_DRAIN_TIMEOUT",
    }),
    "log-level": Flags.option({
      options: LOG_LEVELS,
      summary: "How much is logged, on stderr. Default: info; with --stdio: silent.",
      env: "SIDECAR_LOG_LEVEL",
    })(),
  };

  protected override async catch(error: Error): Promise<never> {
    throw error;
  }
}

/** What holds where neither flag nor variable says. */
export const DEFAULTS = { maxConnections: 1_000, drainTimeoutMs: 30_000, logLevel: "info" } as const;

export function lifecycleOf(flags: {
  readonly health?: Endpoint | undefined;
  readonly "drain-timeout"?: number | undefined;
}): LifecycleOptions {
  return { health: flags.health, drainTimeoutMs: flags["drain-timeout"] ?? DEFAULTS.drainTimeoutMs };
}

/** The SDK's options for meeting `peer`. Throws a Failure that names the flag, or where that was not given, the variable, too. */
export function relayOptions(flags: RelayFlags, peer: string): ReturnType<typeof fromEnv> {
  const given = Object.entries(VARIABLES).map(([flag, variable]) => [variable, flags[flag as keyof RelayFlags]]);
  try {
    return fromEnv({ ...(Object.fromEntries(given) as Environment), RELAY_PEER: peer });
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    throw told(error, { ...flags, peer });
  }
}

/** @param values of the flags, or of the variables in their place */
function told(error: EnvironmentError, values: RelayFlags & { readonly peer: string }): Failure {
  const { message, variable } = error;
  const [flag] = Object.entries(VARIABLES).find(([, name]) => name === variable) ?? ["peer"];
  const value = values[flag as keyof typeof values];
  if (value !== undefined && value !== process.env[variable]) {
    return new Failure(message.replace(variable, `--${flag}`), Exit.usage, error);
  }
  return new Failure(`${message}; say so by --${flag} or ${variable}`, Exit.config, error);
}
