/** GET /v1/sessions, GET and DELETE /v1/sessions/{id} */
import {
  killedSessionSchema,
  sessionListSchema,
  sessionPathSchema,
  sessionSchema,
} from "@serverless-relay/control-api";
import type { ControlApp } from "./app.ts";
import { errorAnswers } from "./errors.ts";
import { ControlFailure } from "./failure.ts";
import type { ControlTarget } from "./target.ts";

export function serveSessions(app: ControlApp, target: ControlTarget): void {
  const listing = {
    operationId: "listSessions",
    summary: "The sessions under way",
    response: { 200: sessionListSchema, ...errorAnswers() },
  };
  app.get("/v1/sessions", { schema: listing }, async () => ({ sessions: target.listSessions() }));

  const showing = {
    summary: "A session under way",
    params: sessionPathSchema,
    response: { 200: sessionSchema, ...errorAnswers("session_not_found") },
  };
  app.get("/v1/sessions/:id", { schema: showing }, async ({ params: { id } }) => {
    return target.getSession(id) ?? notFound(id);
  });

  const killing = {
    operationId: "killSession",
    summary: "Ends a session",
    params: sessionPathSchema,
    response: { 200: killedSessionSchema, ...errorAnswers("read_only", "session_not_found") },
  };
  app.delete("/v1/sessions/:id", { schema: killing }, async ({ params: { id } }) => {
    if (target.killSession(id)) return { id };
    return notFound(id);
  });
}

function notFound(id: string): never {
  throw new ControlFailure("session_not_found", `there is no session ${id}; see relayctl session list`);
}
