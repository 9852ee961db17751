/** GET /v1/why/{f1}/{f2} */
import { routePathSchema, whyQuerySchema, whySchema } from "@serverless-relay/control-api";
import type { ControlApp } from "./app.ts";
import { errorAnswers } from "./errors.ts";
import type { ControlTarget } from "./target.ts";

export function serveWhy(app: ControlApp, target: ControlTarget): void {
  const schema = {
    operationId: "why",
    summary: "Why two functions do, or do not, meet just now",
    params: routePathSchema,
    querystring: whyQuerySchema,
    response: { 200: whySchema, ...errorAnswers("invalid_request", "invalid_name") },
  };
  app.get("/v1/why/:f1/:f2", { schema }, async ({ params: { f1, f2 }, query: { channel } }) =>
    target.why(f1, f2, channel ?? null),
  );
}
