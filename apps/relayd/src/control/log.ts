/** GET and PUT /v1/log */
import { logStateSchema, setLogSchema } from "@serverless-relay/control-api";
import type { ControlApp } from "./app.ts";
import { errorAnswers } from "./errors.ts";
import type { ControlTarget } from "./target.ts";

export function serveLog(app: ControlApp, target: ControlTarget): void {
  const asking = {
    operationId: "getLog",
    summary: "How much is logged",
    response: { 200: logStateSchema, ...errorAnswers() },
  };
  app.get("/v1/log", { schema: asking }, async () => target.logState());

  const setting = {
    operationId: "setLogLevel",
    summary: "Logs more or less, until the configuration is read anew",
    body: setLogSchema,
    response: { 200: logStateSchema, ...errorAnswers("invalid_request", "read_only") },
  };
  app.put("/v1/log", { schema: setting }, async ({ body: { level } }) => target.setLogLevel(level));
}
