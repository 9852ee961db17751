/**
 * One request to a target. A function's platform answers when the invocation is over, and that may be long after the function
 * has come: so the request has a deadline until then, and a later one once it was let go.
 */
import { type ClientRequest, type IncomingMessage, type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Message } from "./cloud-event.ts";
import type { WakeOutcome } from "./event.ts";

export interface Ended {
  readonly outcome: Extract<WakeOutcome, "accepted" | "rejected" | "timeout" | "unreachable" | "abandoned">;
  readonly status?: number;
  readonly detail?: string;
  /** what the answer asked for, in milliseconds */
  readonly retryAfterMs?: number;
}

interface InvocationOptions {
  readonly target: string;
  readonly message: Message;
  readonly ca: string | null;
  readonly timeoutMs: number;
}

/** Of an answer's body, which nobody reads; a longer one is broken off. */
const LONGEST_BODY = 1024 * 1024;

export class Invocation {
  /** What comes of it. Never rejects. */
  readonly ended: Promise<Ended>;
  /** No connection is left. Never rejects. */
  readonly closed: Promise<void>;
  readonly #request: ClientRequest;
  readonly #settle: (ended: Ended) => void;
  #deadline: NodeJS.Timeout;

  constructor({ target, message, ca, timeoutMs }: InvocationOptions) {
    const { promise, resolve } = Promise.withResolvers<Ended>();
    const closing = Promise.withResolvers<void>();
    this.ended = promise;
    this.closed = closing.promise;
    this.#settle = resolve;
    this.#request = open(target, message, ca);
    this.#deadline = this.#deadlineIn(timeoutMs);
    this.#request.on("response", (response) => this.#onResponse(response));
    this.#request.on("error", (error) => resolve({ outcome: "unreachable", detail: reasonOf(error) }));
    this.#request.on("close", () => {
      clearTimeout(this.#deadline);
      resolve({ outcome: "unreachable", detail: "the connection was closed" }); // if nothing has said more
      closing.resolve();
    });
    this.#request.end(message.body);
  }

  /** The function has come: it may take its time to answer, for its invocation goes on. */
  letGo(forMs: number): void {
    if (this.#request.destroyed) return;
    clearTimeout(this.#deadline);
    this.#deadline = this.#deadlineIn(forMs);
  }

  abandon(): void {
    this.#settle({ outcome: "abandoned" });
    this.#request.destroy();
  }

  #deadlineIn(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#settle({ outcome: "timeout" });
      this.#request.destroy();
    }, ms);
  }

  #onResponse(response: IncomingMessage): void {
    const { statusCode: status = 0, headers } = response;
    const accepted = status >= 200 && status < 300;
    const retryAfterMs = accepted ? null : delayOf(headers["retry-after"]);
    this.#settle({
      outcome: accepted ? "accepted" : "rejected",
      status,
      ...(retryAfterMs !== null && { retryAfterMs }),
    });
    let length = 0;
    response.on("error", () => {}); // what it answers has been said
    response.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > LONGEST_BODY) this.#request.destroy();
    });
  }
}

/** Redirects are not followed, and no proxy is asked: what is allowed is requested, and nothing else. */
function open(target: string, { headers, body }: Message, ca: string | null): ClientRequest {
  const options: RequestOptions = {
    method: "POST",
    agent: false, // a connection of its own, closed afterwards
    headers: { ...headers, "content-length": Buffer.byteLength(body), "user-agent": "relayd" },
  };
  const url = new URL(target);
  if (url.protocol === "http:") return requestHttp(url, options);
  // Said aloud, so that the environment cannot turn it off.
  return requestHttps(url, { ...options, rejectUnauthorized: true, ...(ca !== null && { ca }) });
}

function reasonOf(error: Error): string {
  const code = "code" in error ? String(error.code) : "";
  return error.message === "" ? code : error.message;
}

/** Retry-After (RFC 9110 §10.2.3) in milliseconds; null if it says nothing that can be understood. */
function delayOf(field: string | undefined): number | null {
  if (field === undefined) return null;
  const ms = /^[0-9]{1,9}$/.test(field) ? Number(field) * 1000 : Date.parse(field) - Date.now();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}
