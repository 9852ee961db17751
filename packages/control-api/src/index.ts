/**
 * The shapes of the control API, version 1 (HTTP/1.1 and JSON over a Unix socket), as zod schemas and the types inferred
 * from them. Both sides agree on these and on nothing else. Schemas of bodies and answers are in zod's
 * global registry, under the names that they have in the OpenAPI document; those of paths and queries are not, as no
 * `$ref` may stand in their place there.
 *
 * The client is an entry of its own, `@serverless-relay/control-api/client`: it needs the types alone, and loads no zod.
 */
export * from "./cluster.ts";
export * from "./drain.ts";
export * from "./errors.ts";
export * from "./event-kinds.ts";
export * from "./events.ts";
export * from "./log.ts";
export * from "./parked.ts";
export * from "./reload.ts";
export * from "./routes.ts";
export * from "./scalars.ts";
export * from "./sessions.ts";
export * from "./status.ts";
export * from "./why.ts";
