/** GET /v1/status */
import { statusSchema } from "@serverless-relay/control-api";
import type { ControlApp } from "./app.ts";
import { errorAnswers } from "./errors.ts";
import type { ControlTarget } from "./target.ts";

export function serveStatus(app: ControlApp, target: ControlTarget): void {
  const schema = {
    operationId: "getStatus",
    summary: "The daemon at a glance",
    response: { 200: statusSchema, ...errorAnswers() },
  };
  app.get("/v1/status", { schema }, async () => target.status());
}
