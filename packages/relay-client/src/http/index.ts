/** HTTP through the relay: for undici's Agent and `fetch`, for `node:http` and what builds upon it, and for servers. */
export { RelayAgent } from "./agent.ts";
export { type ConnectorOptions, connector } from "./connector.ts";
export { serve } from "./serve.ts";
