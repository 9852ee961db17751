/** GET and POST /v1/routes, GET and DELETE /v1/routes/{f1}/{f2} */
import {
  addedRouteSchema,
  addRouteSchema,
  deletedRouteSchema,
  deleteRouteQuerySchema,
  routeListSchema,
  routePathSchema,
  routeSchema,
} from "@serverless-relay/control-api";
import type { ControlApp } from "./app.ts";
import { errorAnswers } from "./errors.ts";
import { streamList } from "./list-stream.ts";
import type { ControlTarget } from "./target.ts";

export function serveRoutes(app: ControlApp, target: ControlTarget): void {
  const listing = {
    operationId: "listRoutes",
    summary: "The routes",
    description: "Sent as it is made, and so no snapshot. With `Accept: application/x-ndjson`, one route a line.",
    response: {
      200: {
        description: "as one document, or one route a line",
        content: {
          "application/json": { schema: routeListSchema },
          "application/x-ndjson": { schema: routeSchema },
        },
      },
      ...errorAnswers(),
    },
  };
  app.get("/v1/routes", { schema: listing }, ({ headers }, reply) => {
    reply.hijack();
    streamList(reply.raw, "routes", target.listRoutes(), headers.accept);
  });

  const showing = {
    operationId: "getRoute",
    summary: "One route",
    params: routePathSchema,
    response: { 200: routeSchema, ...errorAnswers("invalid_request", "route_not_found") },
  };
  app.get("/v1/routes/:f1/:f2", { schema: showing }, async ({ params: { f1, f2 } }) => target.getRoute(f1, f2));

  const adding = {
    operationId: "addRoute",
    summary: "Adds a route; durable once answered",
    body: addRouteSchema,
    response: {
      200: addedRouteSchema.describe("there was such a route, and nothing changed"),
      201: addedRouteSchema,
      ...errorAnswers("invalid_request", "read_only", "route_differs", "store_failed"),
    },
  };
  app.post("/v1/routes", { schema: adding }, async ({ body }, reply) => {
    const added = await target.addRoute(body);
    return reply.code(added.created ? 201 : 200).send(added);
  });

  const deleting = {
    operationId: "deleteRoute",
    summary: "Deletes a route; durable once answered",
    params: routePathSchema,
    querystring: deleteRouteQuerySchema,
    response: {
      200: deletedRouteSchema,
      ...errorAnswers("invalid_request", "read_only", "route_not_found", "route_static", "store_failed"),
    },
  };
  app.delete("/v1/routes/:f1/:f2", { schema: deleting }, async ({ params: { f1, f2 }, query: { kill } }) =>
    target.deleteRoute(f1, f2, { kill }),
  );
}
