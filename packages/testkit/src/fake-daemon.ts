/** What listens on a control socket instead of relayd, and answers as a test wants, or breaks off as a dying relayd does. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createRawServer, type Server as RawServer, type Socket } from "node:net";

export interface AskedRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export class FakeDaemon {
  /** what `answering` was asked so far */
  readonly asked: AskedRequest[] = [];
  readonly #server: Server | RawServer;

  private constructor(server: Server | RawServer, asked: AskedRequest[]) {
    this.#server = server;
    this.asked = asked;
  }

  /** Answers every request alike: with JSON, or, if `answer` is a list, with an item a line. */
  static answering(socket: string, status: number, answer: unknown): Promise<FakeDaemon> {
    const asked: AskedRequest[] = [];
    const handle: Handler = async (request, response) => {
      let body = "";
      for await (const text of request.setEncoding("utf8") as AsyncIterable<string>) body += text;
      asked.push({ method: request.method ?? "", path: request.url ?? "", body });
      const [type, text] = Array.isArray(answer)
        ? ["application/x-ndjson", answer.map((item) => `${JSON.stringify(item)}\n`).join("")]
        : ["application/json", JSON.stringify(answer)];
      response.writeHead(status, { "content-type": type }).end(text);
    };
    return FakeDaemon.#listen(httpServer(handle), socket, asked);
  }

  /** Treats each request as it likes. */
  static serving(socket: string, handle: Handler): Promise<FakeDaemon> {
    return FakeDaemon.#listen(httpServer(handle), socket);
  }

  /** Treats each connection as it likes, once the beginning of a request is there. */
  static onConnection(socket: string, handle: (connection: Socket) => void): Promise<FakeDaemon> {
    const server = createRawServer((connection) => {
      connection.on("error", () => {}).once("data", () => handle(connection));
    });
    return FakeDaemon.#listen(server, socket);
  }

  static async #listen(server: Server | RawServer, socket: string, asked: AskedRequest[] = []): Promise<FakeDaemon> {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(socket, resolve);
    });
    return new FakeDaemon(server, asked);
  }

  /** Waits until nobody is connected any more: a client that leaves a connection behind fails its test by the time limit. */
  close(): Promise<void> {
    return new Promise((closed) => this.#server.close(() => closed()));
  }
}

function httpServer(handle: Handler): Server {
  return createServer((request, response) => void handle(request, response));
}
