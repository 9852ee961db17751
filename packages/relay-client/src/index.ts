/** The SDK for functions: dial a relay, meet a peer, talk mTLS with it end to end. */
export {
  certificateNames,
  isChannelName,
  isFunctionName,
  isTransport,
  NAME_RULE,
  type RefusalReason,
  type Role,
  type Transport,
} from "@serverless-relay/protocol";
export { carry } from "./carry.ts";
export { connect, type RelayConnection } from "./connect.ts";
export { type Environment, EnvironmentError, fromEnv, relayFromEnv } from "./environment.ts";
export {
  ConnectionTruncated,
  HandshakeTruncated,
  PeerNotVerified,
  RelayError,
  RelayNotVerified,
  RelayProtocolError,
  RelayRefused,
  RelayTimeout,
  RelayUnreachable,
  WrongPeer,
} from "./errors.ts";
export type { Identity } from "./identity.ts";
export type { ConnectOptions, Pairing, RelayAddress } from "./options.ts";
export { reachRelay } from "./reach.ts";
export { type SecureOptions, secure } from "./secure.ts";
export { againAfter } from "./server/again.ts";
export type { ServerEvents, ServerOptions } from "./server/options.ts";
export { createServer, type RelayServer } from "./server/server.ts";
