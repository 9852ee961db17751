/** POST /v1/reload and /v1/config/check */
import { checkConfigSchema, reloadResultSchema } from "@serverless-relay/control-api";
import type { ControlApp } from "./app.ts";
import { errorAnswers } from "./errors.ts";
import type { ControlTarget } from "./target.ts";

export function serveReload(app: ControlApp, target: ControlTarget): void {
  const reloading = {
    summary: "Reads the configuration and the files that it names anew; answers when all is in force, or nothing",
    response: { 200: reloadResultSchema, ...errorAnswers("config_invalid") },
  };
  app.post("/v1/reload", { schema: reloading }, async () => target.reload());

  const checking = {
    summary: "Says what a reload would do, and does nothing of it",
    body: checkConfigSchema,
    response: { 200: reloadResultSchema, ...errorAnswers("invalid_request", "config_invalid") },
  };
  app.post("/v1/config/check", { schema: checking }, async ({ body: { file } }) => target.checkConfig(file));
}
