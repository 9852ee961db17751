export * from "./outer-client.ts";
