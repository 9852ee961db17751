/** One request and its answer, over a Unix socket. Every wait has a deadline, and every answer a bound. */
import type { IncomingMessage } from "node:http";
import { ControlError } from "./control-error.ts";
import { DaemonUnreachable, unreachable } from "./unreachable.ts";

// Imported, it would take three times as long: then every export is looked at, and http's WebSocket loads undici.
const { request } = process.getBuiltinModule("node:http");
const { connect } = process.getBuiltinModule("node:net");

export interface Target {
  /** path of the Unix socket */
  readonly socket: string;
  /** for a whole exchange; of a stream, for its beginning */
  readonly timeoutMs: number;
}

export interface Request {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** sent as JSON */
  readonly body?: unknown;
  /** of the answer; default: application/json */
  readonly accept?: string;
}

const MAX_ANSWER_MIB = 64;

/** Sends a request and gives the JSON of a 2xx answer. Throws ControlError for any other answer, or DaemonUnreachable. */
export async function exchange(target: Target, asked: Request): Promise<unknown> {
  const deadline = AbortSignal.timeout(target.timeoutMs);
  let answer: IncomingMessage | undefined;
  try {
    answer = await send(target, asked, deadline);
    const body = await readJson(target, answer);
    if (!succeeded(answer)) throw refusal(target, answer, body);
    return body;
  } catch (error) {
    throw deadline.aborted ? timedOut(target) : translate(error, target, answer !== undefined);
  }
}

/**
 * Sends a request whose answer goes on for as long as the caller reads it: it is the caller's to destroy. Throws as
 * exchange() does, but an AbortError once `signal` is aborted. The deadline ends with the answer's head.
 */
export async function openStream(target: Target, asked: Request, signal?: AbortSignal): Promise<IncomingMessage> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), target.timeoutMs);
  const stop = signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, signal]);
  let answer: IncomingMessage | undefined;
  try {
    answer = await send(target, asked, stop);
    if (!succeeded(answer)) throw refusal(target, answer, await readJson(target, answer));
    return answer;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw deadline.signal.aborted ? timedOut(target) : translate(error, target, answer !== undefined);
  } finally {
    clearTimeout(timer);
  }
}

/** An error of a connection as DaemonUnreachable; one of ours as it is. */
export function translate(error: unknown, { socket }: Target, answering: boolean): Error {
  if (error instanceof DaemonUnreachable || error instanceof ControlError) return error;
  return unreachable(error, socket, answering);
}

function send(
  target: Target,
  { method, path, body, accept = "application/json" }: Request,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const json = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      accept,
      ...(json !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(json) }),
    };
    // By no agent: it would ask of the host's name whether it is an address, which takes 4 ms the first time.
    const createConnection = () => connect(target.socket);
    const sending = request({ createConnection, method, path, headers, signal });
    sending.on("response", resolve).on("error", reject);
    sending.end(json);
  });
}

function succeeded({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}

async function readJson(target: Target, answer: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_ANSWER_MIB * 1024 * 1024) {
      throw new DaemonUnreachable("too_large", target.socket, `${MAX_ANSWER_MIB} MiB`);
    }
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch (cause) {
    const detail = `its answer ${answer.statusCode} is no JSON`;
    throw new DaemonUnreachable("not_relayd", target.socket, detail, { cause });
  }
}

function refusal({ socket }: Target, { statusCode = 0 }: IncomingMessage, body: unknown): Error {
  if (isErrorAnswer(body)) return new ControlError(body.error.code, body.error.message, statusCode);
  return new DaemonUnreachable("not_relayd", socket, `its answer ${statusCode} says no code and no message`);
}

function isErrorAnswer(body: unknown): body is { error: { code: string; message: string } } {
  if (typeof body !== "object" || body === null || !("error" in body)) return false;
  const { error } = body;
  if (typeof error !== "object" || error === null || !("code" in error) || !("message" in error)) return false;
  return typeof error.code === "string" && typeof error.message === "string";
}

/** The same stream, of which each part has to come within the target's deadline, once it is asked for. */
export async function* patiently(stream: IncomingMessage, target: Target): AsyncGenerator<string, void, undefined> {
  stream.setEncoding("utf8");
  const parts = stream[Symbol.asyncIterator]() as AsyncIterator<string>;
  for (;;) {
    const timer = setTimeout(() => stream.destroy(timedOut(target)), target.timeoutMs);
    const { value, done } = await parts.next().finally(() => clearTimeout(timer));
    if (done === true) return;
    yield value;
  }
}

function timedOut({ socket, timeoutMs }: Target): DaemonUnreachable {
  return new DaemonUnreachable("timeout", socket, `${timeoutMs / 1000} s`);
}
