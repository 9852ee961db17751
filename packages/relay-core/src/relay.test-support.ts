/** A relay in this process, on a port of its own, with certificates of its own: for tests. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type Authority, createAuthority } from "@serverless-relay/pki";
import { type ClientCredentials, until } from "@serverless-relay/testkit";
import {
  type Elsewhere,
  type Entrance,
  type OnWaiting,
  Relay,
  type RelayEvent,
  type RelayLimits,
  StreamPlane,
} from "./index.ts";

export const LIMITS: RelayLimits = {
  headSize: 16_384,
  handshakes: 100,
  handshakesPerAddress: 100,
  arrivalsPerAddress: 10_000,
  arrivalsPerFunction: 10_000,
  connectionsPerFunction: 1_000,
  parkedPerFunction: 1_000,
  parkedPerRoute: 1_000,
  sessions: 1_000,
  sessionsPerFunction: 1_000,
  sessionsPerRoute: 1_000,
  handshakeTimeoutMs: 5_000,
  requestTimeoutMs: 5_000,
  detachTimeoutMs: 5_000,
  connections: 1_000,
  waitMs: 10_000,
  maxWaitMs: 20_000,
  idleTimeoutMs: 60_000,
  answerWithinMs: 60_000,
  maxDurationMs: null,
};

export interface TestCertificates {
  readonly authority: Authority;
  readonly relay: { readonly certPem: string; readonly keyPem: string };
  readonly crl?: string | readonly string[];
  /** PEM of the CAs of functions; default: the authority's */
  readonly ca?: string;
}

export async function makeCertificates(): Promise<TestCertificates> {
  const authority = await createAuthority({ commonName: "test" });
  return { authority, relay: await authority.issueRelay({ hosts: ["localhost"] }) };
}

export async function functionIdentity(authority: Authority, ...names: string[]): Promise<Required<ClientCredentials>> {
  const { certPem, keyPem } = await authority.issueFunction({ names });
  return { cert: certPem, key: keyPem, ca: authority.certPem };
}

export interface TestRelay {
  readonly relay: Relay;
  readonly port: number;
  readonly events: RelayEvent[];
  /** Closes it, and fails if a connection is left. */
  close(): Promise<void>;
}

/** With the route {f1, f2}. */
export async function startRelay(
  { authority, relay: identity, crl, ca = authority.certPem }: TestCertificates,
  options: { limits?: Partial<RelayLimits>; entrance?: Entrance; onWaiting?: OnWaiting; elsewhere?: Elsewhere } = {},
): Promise<TestRelay> {
  const events: RelayEvent[] = [];
  const sockets = new Set<Socket>();
  const relay = new Relay({
    credentials: {
      cert: identity.certPem,
      key: identity.keyPem,
      ca,
      ...(crl === undefined ? {} : { crl }),
    },
    plane: new StreamPlane(),
    observe: (event) => events.push(event),
    limits: { ...LIMITS, ...options.limits },
    ...(options.onWaiting && { onWaiting: options.onWaiting }),
    ...(options.elsewhere && { elsewhere: options.elsewhere }),
  });
  relay.routes.set(options.entrance?.route ?? { f1: "f1", f2: "f2" });
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    relay.accept(socket, options.entrance ?? { protocol: "connect" });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    relay,
    events,
    port: (server.address() as AddressInfo).port,
    async close() {
      await relay.close();
      server.close();
      await until("no connection is left", () => sockets.size === 0, 5_000);
    },
  };
}
