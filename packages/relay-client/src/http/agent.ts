/**
 * An agent for `node:http` and `node:https`, and for all that takes one (ws, axios, got): the host of a URL is the peer's
 * name, its port the channel. Both protocols mean the same here: HTTP inside the mTLS with the peer.
 */
import type { AgentOptions, ClientRequestArgs } from "node:http";
import type { Duplex } from "node:stream";
import { http } from "../builtins.ts";
import { type ConnectorOptions, connectTo } from "./connector.ts";

export class RelayAgent extends http().Agent {
  readonly #options: ConnectorOptions;
  /** Node refuses a URL of another protocol than its agent's. */
  readonly protocol = undefined;
  readonly defaultPort = 443;

  /** Keeps connections for further requests, unless `agentOptions` say otherwise. */
  constructor(options: ConnectorOptions, agentOptions: AgentOptions = {}) {
    super({ keepAlive: true, ...agentOptions });
    this.#options = options;
  }

  override createConnection(
    { host, port }: ClientRequestArgs,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    connectTo(host ?? "", port, this.#options).then(
      (socket) => callback?.(null, socket),
      (error: Error) => callback?.(error, undefined as unknown as Duplex),
    );
  }
}
