/** Reads a refusal: reason from Proxy-Status (RFC 9209), Retry-After, and the one line of content. */
import type { IncomingMessage } from "node:http";
import { Field } from "@serverless-relay/protocol";
import { RelayProtocolError, RelayRefused } from "./errors.ts";
import type { Exchange } from "./exchange.ts";

/** More content than this is not read. */
const MAX_CONTENT = 4096;
const MAX_LINE = 500;

/** `head`: what came behind the response's head already. */
export async function readRefusal(response: IncomingMessage, head: Buffer, exchange: Exchange): Promise<Error> {
  const status = response.statusCode ?? 0;
  if (status < 400) return new RelayProtocolError(`the relay answered ${status}, which is neither 200 nor a refusal`);
  const content = await readContent(head, Number(response.headers["content-length"] ?? Infinity), exchange);
  const line = firstLine(content) || (response.statusMessage ?? "");
  const seconds = Number(response.headers[Field.retryAfter] ?? Number.NaN);
  const reason = reasonIn(response.headers[Field.proxyStatus]) ?? `http_${status}`;
  return new RelayRefused(status, reason, line, Number.isInteger(seconds) && seconds >= 0 ? seconds : undefined);
}

/** A connection that ends early costs words, never the refusal. */
async function readContent(head: Buffer, announced: number, exchange: Exchange): Promise<Buffer> {
  const length = Math.min(Number.isNaN(announced) ? 0 : announced, MAX_CONTENT);
  const { promise, resolve } = Promise.withResolvers<void>();
  let content = head;
  const take = (chunk: Buffer): void => {
    content = Buffer.concat([content, chunk]);
    if (content.length >= length) resolve();
  };
  exchange.on("data", take).on("end", resolve).on("close", resolve);
  if (content.length >= length || exchange.destroyed) resolve();
  await promise;
  return content.subarray(0, length);
}

/** Without control characters: it is going to be printed, and on the bare connection anybody may have written it. */
function firstLine(content: Buffer): string {
  const line = content.toString("utf8").trim().split("\n", 1)[0] ?? "";
  return line.replace(/\p{Cc}/gu, "").slice(0, MAX_LINE);
}

/** The `reason` parameter of a Proxy-Status field: a token or a quoted string. */
function reasonIn(field: string | string[] | undefined): string | undefined {
  const text = Array.isArray(field) ? field.join(", ") : (field ?? "");
  for (const [, name, quoted, token] of text.matchAll(
    /;\s*([a-z*][a-z0-9_.*-]*)=(?:"((?:[^"\\]|\\.)*)"|([^;,\s"]+))/g,
  )) {
    if (name === "reason") return (quoted ?? token ?? "").slice(0, MAX_LINE);
  }
  return undefined;
}
