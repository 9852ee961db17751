export * from "./outer-client.ts";
export * from "./programs.ts";
export * from "./running-relay.ts";
