/** The control API as a fastify application; it is not bound to anything yet. */
import fastifySwagger from "@fastify/swagger";
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  fastify,
  LogController,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from "fastify";
import { jsonSchemaTransform, validatorCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import type { Logger } from "pino";
import { type RecordChange, recordChanges } from "./changes.ts";
import { serveCluster } from "./cluster.ts";
import { answerBadHttp, answerError, answerNotFound, refuseChange } from "./errors.ts";
import { serveEvents } from "./events.ts";
import { serveLifecycle } from "./lifecycle.ts";
import { serveLog } from "./log.ts";
import { referencedSchemas } from "./openapi.ts";
import { serveParked } from "./parked.ts";
import { serveReload } from "./reload.ts";
import { serveRoutes } from "./routes.ts";
import { serveSessions } from "./sessions.ts";
import { serveStatus } from "./status.ts";
import type { ControlTarget } from "./target.ts";
import { serveWhy } from "./why.ts";

export type ControlApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

const BODY_BYTES = 64 * 1024;
/** From the first byte of a request to its last. */
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 5_000;
/** A name of 512 characters, each of them percent-encoded. */
const PARAMETER_LENGTH = 3 * 512;

export interface ControlOptions {
  /** told of every request that would change something */
  readonly recordChange?: RecordChange;
  /** serves those who look, and nobody who would change something */
  readonly readOnly?: boolean;
}

export async function createControlApp(
  target: ControlTarget,
  log: Logger,
  { recordChange, readOnly = false }: ControlOptions = {},
): Promise<ControlApp> {
  const app: ControlApp = fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: PARAMETER_LENGTH },
    frameworkErrors: answerError,
    clientErrorHandler: answerBadHttp,
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  // Answers have the types of their schemas, which were checked when this was compiled.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(answerNotFound);

  if (readOnly) app.addHook("onRequest", refuseChange);
  if (recordChange !== undefined) await recordChanges(app, recordChange);
  await app.register(fastifySwagger, {
    openapi: {
      openapi: "3.1.0",
      // The API's own version, as in its paths; relayd's is in /v1/status.
      info: { title: "relayd control API", version: "1", description: "HTTP/1.1 and JSON over relayd's Unix socket" },
    },
    transform: jsonSchemaTransform,
    transformObject: referencedSchemas,
  });
  app.get("/v1/openapi.json", { schema: { hide: true } }, async () => app.swagger());
  serveStatus(app, target);
  serveCluster(app, target);
  serveRoutes(app, target);
  serveSessions(app, target);
  serveParked(app, target);
  serveWhy(app, target);
  serveLifecycle(app, target);
  serveLog(app, target);
  serveReload(app, target);
  serveEvents(app, target);
  await app.ready();
  return app;
}
