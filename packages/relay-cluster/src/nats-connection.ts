/** The one connection to NATS that a relay has: for routes, and for who waits where. */
import { readFileSync } from "node:fs";
import {
  type Authenticator,
  connect,
  credsAuthenticator,
  type NatsConnection,
  type TlsOptions,
} from "@nats-io/transport-node";

export interface NatsOptions {
  /** "nats://host:4222" or "tls://host:4222"; any of them will do */
  readonly servers: readonly string[];
  /** paths of PEM files; the certificate and key are ours, where NATS wants one */
  readonly tls?: {
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
  };
  /** path of a credentials file, as `nsc` writes it */
  readonly credentials?: string;
}

/** For the first connection. Afterwards it is tried again for ever. */
const CONNECT_MS = 5_000;

/** NATS cannot be reached, or turns this relay away. The message names the servers and says what to do. */
export class NatsUnreachable extends Error {
  override readonly name = "NatsUnreachable";

  constructor(servers: readonly string[], cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`cluster.nats.servers ${servers.join(", ")}: ${why}; start NATS, or see to its address and credentials`, {
      cause,
    });
  }
}

/** @param name what NATS shows the connection as. Throws NatsUnreachable. */
export async function connectNats({ servers, tls, credentials }: NatsOptions, name: string): Promise<NatsConnection> {
  try {
    return await connect({
      servers: [...servers],
      name,
      timeout: CONNECT_MS,
      // A relay that waits and asks at the same place must not answer itself.
      noEcho: true,
      noAsyncTraces: true, // a stack for every question costs more than the question
      maxReconnectAttempts: -1,
      ignoreAuthErrorAbort: true, // what is expired, or not known to NATS as yet, may be renewed at either end
      reconnectTimeWait: 250,
      reconnectJitter: 250,
      pingInterval: 10_000,
      maxPingOut: 2,
      ...(tls !== undefined && { tls: filesOf(tls) }),
      ...(credentials !== undefined && { authenticator: authenticatorOf(credentials) }),
    });
  } catch (error) {
    throw new NatsUnreachable(servers, error);
  }
}

/** Reads the file anew for each connection, so that a renewed one is good as soon as NATS is dialled again. */
function authenticatorOf(credentials: string): Authenticator {
  let latest = credsAuthenticator(readFileSync(credentials));
  return (nonce) => {
    try {
      latest = credsAuthenticator(readFileSync(credentials));
    } catch {
      // It is being replaced, perhaps: the former ones may do, and NATS is tried again if not.
    }
    return latest(nonce);
  };
}

function filesOf({ ca, cert, key }: NonNullable<NatsOptions["tls"]>): TlsOptions {
  return {
    ...(ca !== undefined && { caFile: ca }),
    ...(cert !== undefined && { certFile: cert }),
    ...(key !== undefined && { keyFile: key }),
  };
}
