/** Whatever goes wrong with a request, in the one shape that the control API answers it in. */
import type { Socket } from "node:net";
import { ERROR_STATUS, type ErrorAnswer, type ErrorCode, errorAnswerSchema } from "@serverless-relay/control-api";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { StoreError } from "../store/route-store.ts";
import { ControlFailure } from "./failure.ts";

export function answerError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void {
  const failure = translate(error);
  if (failure.code === "internal" || failure.code === "store_failed") {
    request.log.error({ err: error, method: request.method, url: request.url }, "a control request failed");
  }
  send(reply, failure);
}

export function answerNotFound(request: FastifyRequest, reply: FastifyReply): void {
  const what = `there is no ${request.method} ${request.url.split("?")[0]}`;
  send(reply, new ControlFailure("not_found", `${what}; see GET /v1/openapi.json for what there is`));
}

/** For the socket of those who may only look. */
export async function refuseChange({ method }: FastifyRequest): Promise<void> {
  if (method === "GET") return;
  throw new ControlFailure("read_only", "nothing can be changed by this socket; use the one in control.socket");
}

/** What came is not HTTP, so that there is no request to answer: the connection ends with this. */
export function answerBadHttp(error: Error, socket: Socket): void {
  if (!socket.writable || ("code" in error && error.code === "ECONNRESET")) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(answer(new ControlFailure("invalid_request", "this is not a whole HTTP/1.1 request")));
  const head = ["HTTP/1.1 400 Bad Request", "Content-Type: application/json", "Connection: close"];
  socket.end([...head, `Content-Length: ${Buffer.byteLength(body)}`, "", body].join("\r\n"));
  socket.destroySoon();
}

/** The answers of a request that may fail with these codes, for the OpenAPI document. */
export function errorAnswers(...codes: readonly ErrorCode[]) {
  const statuses = new Set<number>([...codes, "internal" as const].map((code) => ERROR_STATUS[code]));
  return Object.fromEntries([...statuses].map((status) => [status, errorAnswerSchema]));
}

/** Foreign errors are translated here, once. What is not known is not shown: it may say anything. */
function translate(error: FastifyError | Error): ControlFailure {
  if (error instanceof ControlFailure) return error;
  if (error instanceof StoreError) return new ControlFailure("store_failed", error.message);
  if (hasZodFastifySchemaValidationErrors(error)) return new ControlFailure("invalid_request", explainInvalid(error));
  const status = "statusCode" in error ? (error.statusCode ?? 500) : 500;
  if (status >= 400 && status < 500) return new ControlFailure("invalid_request", explainRejected(error));
  return new ControlFailure("internal", "relayd failed on this request; its log says how");
}

interface InvalidPart {
  readonly validation: readonly { readonly instancePath: string; readonly message?: string; readonly params: object }[];
  readonly validationContext?: string | undefined;
}

/** Names the field: "the body's field port: …". */
function explainInvalid({ validation, validationContext }: InvalidPart): string {
  const where = PARTS[validationContext ?? ""] ?? "the request";
  const problems = validation.map(({ instancePath, message = "is not valid", params }) => {
    if ("keys" in params) return `${where} has no field ${(params.keys as string[]).join(", ")}`;
    const field = instancePath.slice(1).replaceAll("/", ".");
    return `${where}${field === "" ? "" : `'s field ${field}`}: ${message.replace(/^Invalid input: /, "")}`;
  });
  return problems.join("; ");
}

const PARTS: Readonly<Record<string, string>> = { body: "the body", querystring: "the query", params: "the path" };

function explainRejected(error: FastifyError | Error): string {
  switch ("code" in error ? error.code : "") {
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return "the body is not said to be JSON; send it with Content-Type: application/json";
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return "the body is too large; 64 KiB is the most";
    default:
      return error.message;
  }
}

function send(reply: FastifyReply, failure: ControlFailure): void {
  void reply.code(ERROR_STATUS[failure.code]).type("application/json").serializer(JSON.stringify).send(answer(failure));
}

function answer({ code, message }: ControlFailure): ErrorAnswer {
  return { error: { code, message } };
}
