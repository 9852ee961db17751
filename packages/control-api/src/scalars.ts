/** The small shapes that the others are made of. */
import { z } from "zod";

/** A function's name. Its syntax is the daemon's to check: it answers `invalid_name`, and says what a name may be. */
export const nameSchema = z.string().describe("the name of a function, as in its certificate");

export const timeSchema = z.iso.datetime().describe("ISO 8601, UTC");

export const countSchema = z.int().min(0);

export const portSchema = z.int().min(1).max(65535);

export const protocolSchema = z
  .enum(["connect", "bare", "plain"])
  .meta({ id: "Protocol", description: "what a listener speaks: PROTOCOL.md, Listeners" });
export type Protocol = z.infer<typeof protocolSchema>;

export const roleSchema = z
  .enum(["client", "server"])
  .meta({ id: "Role", description: "the side of the inner TLS that an end takes" });
export type Role = z.infer<typeof roleSchema>;

export const listenerStateSchema = z
  .enum(["up", "down"])
  .meta({ id: "ListenerState", description: "down: the port could not be had; `error` says why" });

/** A route by its two names, in the order in which they were given when it was added. */
export const routeNamesSchema = z
  .object({ f1: nameSchema, f2: nameSchema })
  .meta({ id: "RouteNames", description: "a route by the two names that may meet" });
export type RouteNames = z.infer<typeof routeNamesSchema>;

/** `hop`: the end is parked at another relay of the cluster, and the connection leads there. */
export const transportSchema = z.enum(["raw", "tls", "plain", "hop"]);
