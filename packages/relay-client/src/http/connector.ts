/**
 * `fetch` through the relay: a connector for undici's Agent, which pools what it gives. The host of a URL is the peer's name,
 * its port the channel.
 *
 *     new Agent({ connect: connector({ relay, identity }) })
 */
import type { TLSSocket } from "node:tls";
import { callbackify } from "node:util";
import { connect } from "../connect.ts";
import type { ConnectOptions } from "../options.ts";

export interface ConnectorOptions extends Omit<ConnectOptions, "peer" | "role" | "signal" | "allowHalfOpen"> {
  /** the peer's name for the host of a URL, which is in lower case; default: that host */
  readonly peerOf?: ((host: string) => string) | undefined;
}

/** What undici asks for. */
interface Target {
  readonly hostname: string;
  /** "" where the URL names none */
  readonly port: string;
}

type Callback = (...outcome: [error: null, socket: TLSSocket] | [error: Error, socket: null]) => void;

export function connector(options: ConnectorOptions): (target: Target, callback: Callback) => void {
  const dial = callbackify(async ({ hostname, port }: Target) => connectTo(hostname, port, options));
  return (target, callback) => dial(target, callback as (error: Error | null, socket: TLSSocket) => void);
}

export async function connectTo(
  host: string,
  port: string | number,
  { peerOf = (name) => name, channel = portOf(port), ...options }: ConnectorOptions,
): Promise<TLSSocket> {
  const { socket } = await connect({ ...options, channel, peer: peerOf(host), role: "client" });
  return socket;
}

function portOf(port: string | number): number | undefined {
  return port === "" ? undefined : Number(port);
}
