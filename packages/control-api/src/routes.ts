/** /v1/routes: which two functions may meet, listed, shown, added and deleted. */
import { z } from "zod";
import { askedRouteOptions, viewedRouteOptions } from "./route-options.ts";
import {
  countSchema,
  listenerStateSchema,
  nameSchema,
  portSchema,
  protocolSchema,
  routeNamesSchema,
  timeSchema,
} from "./scalars.ts";

export const routeListenerSchema = z
  .object({
    protocol: protocolSchema,
    host: z.string(),
    port: portSchema,
    state: listenerStateSchema,
    error: z.string().nullable(),
  })
  .meta({ id: "RouteListener" });
export type RouteListener = z.infer<typeof routeListenerSchema>;

export const routeSchema = z
  .object({
    f1: nameSchema,
    f2: nameSchema,
    source: z.enum(["static", "dynamic"]).describe("static: from the configuration file"),
    createdAt: timeSchema.nullable().describe("null for a static route"),
    listener: routeListenerSchema.nullable(),
    ...viewedRouteOptions,
    parked: countSchema,
    sessions: countSchema,
  })
  .meta({ id: "Route" });
export type Route = z.infer<typeof routeSchema>;

export const routeListSchema = z.object({ routes: z.array(routeSchema) }).meta({ id: "RouteList" });
export type RouteList = z.infer<typeof routeListSchema>;

/** Body of POST /v1/routes. `protocol` and `port` say what the route's own listener is to be. */
export const addRouteSchema = z
  .strictObject({
    f1: nameSchema,
    f2: nameSchema,
    protocol: protocolSchema.optional(),
    port: portSchema.optional().describe("default: one out of the configured range"),
    ...askedRouteOptions,
  })
  .meta({ id: "AddRoute" });
export type AddRoute = z.infer<typeof addRouteSchema>;

/** 201 with `created`, or 200 without: then the route was there before, just as asked for, and nothing changed. */
export const addedRouteSchema = z.object({ created: z.boolean(), route: routeSchema }).meta({ id: "AddedRoute" });
export type AddedRoute = z.infer<typeof addedRouteSchema>;

/** Path of GET and DELETE /v1/routes/{f1}/{f2}; the names are percent-encoded there. */
export const routePathSchema = z.object({ f1: nameSchema, f2: nameSchema });
export type RoutePath = z.infer<typeof routePathSchema>;

/** Query of DELETE /v1/routes/{f1}/{f2}. */
export const deleteRouteQuerySchema = z.strictObject({
  kill: z
    .stringbool({ truthy: ["true"], falsy: ["false"] })
    .default(false)
    .describe("true or false: ends the route's live sessions, too"),
});
export type DeleteRouteQuery = z.infer<typeof deleteRouteQuerySchema>;

export const deletedRouteSchema = z
  .object({
    route: routeNamesSchema,
    refused: countSchema.describe("parked clients that were refused"),
    killed: countSchema.describe("sessions that were ended"),
  })
  .meta({ id: "DeletedRoute" });
export type DeletedRoute = z.infer<typeof deletedRouteSchema>;
