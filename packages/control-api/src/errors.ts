/** What every answer looks like that is not a 2xx. */
import { z } from "zod";

export const errorCodeSchema = z
  .enum([
    "invalid_request",
    "invalid_name",
    "read_only",
    "route_not_found",
    "session_not_found",
    "not_found",
    "route_differs",
    "route_static",
    "no_port_range",
    "port_unavailable",
    "plain_not_allowed",
    "wake_not_allowed",
    "no_cluster",
    "store_failed",
    "config_invalid",
    "internal",
  ])
  .meta({ id: "ErrorCode", description: "a closed set, for programs; the message is for people" });
export type ErrorCode = z.infer<typeof errorCodeSchema>;

/** The HTTP status that goes with each code. */
export const ERROR_STATUS = {
  invalid_request: 400,
  invalid_name: 400,
  /** by the socket of control.readOnlySocket nothing can be changed */
  read_only: 403,
  route_not_found: 404,
  session_not_found: 404,
  not_found: 404,
  /** the route exists with other options */
  route_differs: 409,
  /** the route is in the configuration file, and is changed there */
  route_static: 409,
  /** a listener was asked for, but the configuration has no listen.perRoute */
  no_port_range: 409,
  port_unavailable: 409,
  plain_not_allowed: 409,
  /** the configuration's wake.allow does not name this URL */
  wake_not_allowed: 409,
  /** this relay is on its own */
  no_cluster: 409,
  /** the route store, or the cluster's NATS, did not acknowledge the change */
  store_failed: 503,
  /** the configuration, or a file that it names, is bad; the message has a line for each problem */
  config_invalid: 422,
  internal: 500,
} as const satisfies Record<ErrorCode, number>;

export const errorAnswerSchema = z
  .object({
    error: z.object({
      code: errorCodeSchema,
      message: z.string().describe("one sentence that says what to do"),
    }),
  })
  .meta({ id: "ErrorAnswer" });
export type ErrorAnswer = z.infer<typeof errorAnswerSchema>;
