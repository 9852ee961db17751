export * from "./end.ts";
export * from "./meeting.ts";
export * from "./outer-client.ts";
export * from "./ports.ts";
export * from "./programs.ts";
export * from "./running-relay.ts";
export * from "./tcp-connections.ts";
export * from "./until.ts";
