/** POST /v1/drain */
import { startDrainSchema, startedDrainSchema } from "@serverless-relay/control-api";
import type { ControlApp } from "./app.ts";
import { errorAnswers } from "./errors.ts";
import type { ControlTarget } from "./target.ts";

export function serveLifecycle(app: ControlApp, target: ControlTarget): void {
  const draining = {
    operationId: "drain",
    summary: "Admits nobody any more, lets sessions end until a deadline, then stops; again: sets the deadline anew",
    body: startDrainSchema.nullish(),
    response: { 200: startedDrainSchema, ...errorAnswers("invalid_request", "read_only") },
  };
  app.post("/v1/drain", { schema: draining }, async ({ body }) => {
    const seconds = body?.timeout;
    return target.drain({ timeoutMs: seconds === undefined ? undefined : seconds * 1000 });
  });
}
