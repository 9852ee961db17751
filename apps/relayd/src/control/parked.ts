/** GET /v1/parked */
import { parkedListSchema } from "@serverless-relay/control-api";
import type { ControlApp } from "./app.ts";
import { errorAnswers } from "./errors.ts";
import type { ControlTarget } from "./target.ts";

export function serveParked(app: ControlApp, target: ControlTarget): void {
  const schema = {
    operationId: "listParked",
    summary: "Who waits for a peer",
    response: { 200: parkedListSchema, ...errorAnswers() },
  };
  app.get("/v1/parked", { schema }, async () => ({ parked: target.listParked() }));
}
