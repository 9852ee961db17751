/** The limits of the relay: as the configuration has them, and as far as the open files of this process go. */
import type { RelayLimits } from "@serverless-relay/core";
import type { Logger } from "pino";
import type { Config } from "./config/schema.ts";
import { type DescriptorShares, shareDescriptors } from "./open-files.ts";

export function limitsOf({ limits, pairing, sessions }: Config, shares = shareDescriptors()): RelayLimits {
  const connections = Math.min(limits.connections, shares.connections);
  const handshakes = Math.min(limits.handshakes, shares.handshakes);
  // By default, one address never keeps all the others out.
  const handshakesPerAddress = Math.min(handshakes, limits.handshakesPerAddress ?? Math.ceil(handshakes / 2));
  return {
    headSize: limits.headSize,
    handshakes,
    handshakesPerAddress,
    arrivalsPerAddress: limits.arrivalsPerAddress,
    arrivalsPerFunction: limits.arrivalsPerFunction,
    connections,
    connectionsPerFunction: limits.connectionsPerFunction,
    parkedPerFunction: limits.parkedPerFunction,
    parkedPerRoute: limits.parkedPerRoute,
    sessions: limits.sessions ?? Math.floor(limits.connections / 2),
    sessionsPerFunction: limits.sessionsPerFunction,
    sessionsPerRoute: limits.sessionsPerRoute,
    handshakeTimeoutMs: limits.handshakeTimeout,
    requestTimeoutMs: limits.requestTimeout,
    detachTimeoutMs: limits.detachTimeout,
    waitMs: pairing.wait,
    maxWaitMs: pairing.maxWait,
    idleTimeoutMs: sessions.idleTimeout,
    answerWithinMs: sessions.answerWithin,
    bandwidth: { perFunction: limits.bandwidthPerFunction, perRoute: limits.bandwidthPerRoute },
    maxDurationMs: sessions.maxDuration ?? null,
  };
}

/** Says so in the log where the configuration promises more than there can be. */
export function warnOfOpenFiles({ limits }: Config, shares: DescriptorShares, log: Logger): void {
  for (const key of ["connections", "handshakes"] as const) {
    if (shares[key] >= limits[key]) continue;
    log.warn(
      { configured: limits[key], possible: shares[key] },
      `limits.${key} is more than the open files that this process may have; raise the limit (ulimit -n, LimitNOFILE)`,
    );
  }
}
