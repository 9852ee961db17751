/**
 * An agent for `node:http` and `node:https`, and for all that takes one (ws, axios, got): the host of a URL is the peer's
 * name, its port the channel. Both protocols mean the same here: HTTP inside the mTLS with the peer.
 */
import type { AgentOptions, ClientRequestArgs } from "node:http";
import type { Duplex } from "node:stream";
import { callbackify } from "node:util";
import { http } from "../builtins.ts";
import { type ConnectorOptions, connectTo } from "./connector.ts";

type Dial = (
  host: string,
  port: string | number,
  callback: (error: NodeJS.ErrnoException | null, socket: Duplex) => void,
) => void;

export class RelayAgent extends http().Agent {
  readonly #dial: Dial;
  /** Node refuses a URL of another protocol than its agent's. */
  readonly protocol = undefined;
  readonly defaultPort = 443;

  /** Keeps connections for further requests, unless `agentOptions` say otherwise. */
  constructor(options: ConnectorOptions, agentOptions: AgentOptions = {}) {
    super({ keepAlive: true, ...agentOptions });
    this.#dial = callbackify(async (host: string, port: string | number) => connectTo(host, port, options));
  }

  override createConnection(
    { host, port }: ClientRequestArgs,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    this.#dial(host ?? "", port ?? "", (error, socket) => callback?.(error, socket));
  }
}
