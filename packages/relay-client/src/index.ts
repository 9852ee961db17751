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
export { connect, type RelayConnection } from "./connect.ts";
export {
  ConnectionTruncated,
  PeerNotVerified,
  RelayError,
  RelayProtocolError,
  RelayRefused,
  RelayTimeout,
  RelayUnreachable,
} from "./errors.ts";
export type { Identity } from "./identity.ts";
export type { ConnectOptions, RelayAddress } from "./options.ts";
export { type SecureOptions, secure } from "./secure.ts";
