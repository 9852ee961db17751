/** A target that does to each request what the test says, and keeps what came. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface Seen {
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** `performance.now()` */
  readonly at: number;
  /** resolves once the request's connection is closed */
  readonly closed: Promise<unknown>;
}

type Answer = (response: ServerResponse) => void;

export class TargetServer {
  readonly url: string;
  readonly seen: Seen[] = [];
  /** what each further request is answered; the last one stays */
  answers: Answer[] = [status(204)];
  /** open just now, and the most that there were */
  open = 0;
  most = 0;
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>, scheme: "http" | "https") {
    this.#server = server;
    this.url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    server.on("request", (request, response) => void this.#take(request, response));
  }

  static async start(tls?: { readonly cert: string; readonly key: string }): Promise<TargetServer> {
    const server = tls === undefined ? createServer() : createTlsServer(tls);
    await once(server.listen(0, "127.0.0.1"), "listening");
    return new TargetServer(server, tls === undefined ? "http" : "https");
  }

  /** Waits until whoever made a request has closed its connection: a leak fails the test. */
  async stop(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.most = Math.max(this.most, ++this.open);
    const closed = once(response, "close").then(() => this.open--);
    const body = await text(request).catch(() => "");
    this.seen.push({ headers: request.headers, body, at: performance.now(), closed });
    const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    answer?.(response);
  }
}

export function status(code: number, headers: Readonly<Record<string, string>> = {}): Answer {
  return (response) => void response.writeHead(code, headers).end("what became of it");
}

/** Takes the request, and never answers. */
export const hang: Answer = () => {};
export const reset: Answer = (response) => void response.socket?.resetAndDestroy();
