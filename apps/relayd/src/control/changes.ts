/** Every request that would change something is recorded, with who asked, and what it was answered. */
import type { FastifyRequest } from "fastify";
import type { Change } from "../audit/audit-log.ts";
import type { ControlApp } from "./app.ts";
import { loadCallerOf } from "./caller.ts";

export type RecordChange = (change: Change) => void;

/** Call it before the requests are defined: fastify's hooks are for those that come after them. */
export async function recordChanges(app: ControlApp, record: RecordChange): Promise<void> {
  const callerOf = await loadCallerOf();
  const errors = new WeakMap<FastifyRequest, string>();
  app.addHook("preSerialization", async (request, _reply, answer) => {
    const code = errorCodeOf(answer);
    if (code !== null) errors.set(request, code);
    return answer;
  });
  app.addHook("onResponse", async (request, { statusCode: status }) => {
    if (request.method === "GET" || request.is404) return;
    const caller = callerOf(request.raw.socket);
    record({
      change: nameOf(request),
      caller,
      asked: askedOf(request, status),
      status,
      error: errors.get(request) ?? null,
    });
  });
}

function nameOf({ method, routeOptions }: FastifyRequest): string {
  const { operationId } = (routeOptions.schema ?? {}) as { readonly operationId?: string };
  return operationId ?? `${method} ${routeOptions.url}`;
}

/** Path, query and body; not of what was malformed: it may be anything. */
function askedOf({ params, query, body }: FastifyRequest, status: number): object | null {
  return status === 400 ? null : Object.assign({}, params, query, body);
}

function errorCodeOf(answer: unknown): string | null {
  const { error } = (answer ?? {}) as { readonly error?: { readonly code?: string } | null };
  return error?.code ?? null;
}
