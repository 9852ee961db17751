/** GET /v1/cluster */
import { clusterSchema } from "@serverless-relay/control-api";
import type { ControlApp } from "./app.ts";
import { errorAnswers } from "./errors.ts";
import type { ControlTarget } from "./target.ts";

export function serveCluster(app: ControlApp, target: ControlTarget): void {
  const schema = {
    operationId: "getCluster",
    summary: "The relays of the cluster",
    response: { 200: clusterSchema, ...errorAnswers("no_cluster") },
  };
  app.get("/v1/cluster", { schema }, async () => target.cluster());
}
