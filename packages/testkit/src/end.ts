/** One end of a route: it asks the relay for its peer by CONNECT, is told that it is paired, or why not, and talks. */
import type { Socket } from "node:net";
import {
  type ClientCredentials,
  connectHead,
  type DialOptions,
  OuterClient,
  readAll,
  readHead,
} from "./outer-client.ts";

/** The head of an answer. */
export interface AnswerHead {
  readonly status: number;
  /** by names in lower case */
  readonly fields: Readonly<Record<string, string>>;
}

export class End {
  /** the outer connection, whose TLS is off by now if the transport is raw */
  readonly client: OuterClient;
  /** what the session's bytes go through: the bare TCP connection, or the outer TLS */
  readonly stream: Socket;

  private constructor(client: OuterClient, stream: Socket) {
    this.client = client;
    this.stream = stream;
  }

  /**
   * Asks for transport raw, sending `first` along with its close_notify. Resolves once it is detached: it is parked by then,
   * or about to be. Rejects, with the whole answer, if it was refused.
   */
  static async raw(
    port: number,
    credentials: ClientCredentials,
    target: string,
    fields: Readonly<Record<string, string>> = {},
    first: string | Buffer = "",
    options: DialOptions = {},
  ): Promise<End> {
    const client = await OuterClient.dial(port, credentials, options);
    const flight = await client.flight(connectHead(target, { "Relay-Transport": "raw", ...fields }));
    const inside = client.answer();
    client.socket.write(Buffer.concat([flight, Buffer.from(first)]));
    const bare = await client.bare();
    const refusal = await inside;
    if (refusal === "") return new End(client, bare);
    client.destroy();
    throw new Error(refusal);
  }

  /** Asks for transport tls. Resolves once that is sent. */
  static async tls(
    port: number,
    credentials: ClientCredentials,
    target: string,
    fields: Readonly<Record<string, string>> = {},
    first: string | Buffer = "",
    options: DialOptions = {},
  ): Promise<End> {
    const client = await OuterClient.dial(port, credentials, options);
    client.request(connectHead(target, fields));
    if (first.length > 0) client.tls.write(first);
    return new End(client, client.tls);
  }

  /** "127.0.0.1:40000", as the relay's log and its control API have it */
  get address(): string {
    return this.client.address;
  }

  /** Reads the head of the answer. The stream then gives what the peer sends. Rejects unless it is a 200. */
  async paired(): Promise<AnswerHead> {
    const text = await readHead(this.stream);
    const head = parseHead(text);
    if (head.status !== 200) throw new Error(text);
    return head;
  }

  /** All that comes until the relay ends the connection. */
  async rest(): Promise<string> {
    return (await readAll(this.stream)).toString();
  }

  /** Resolves once the connection has been reset from the other side; rejects if it ended in any other way. */
  async broken(): Promise<void> {
    const { socket } = this.client;
    const over = new Promise<NodeJS.ErrnoException | null>((resolve) => {
      socket.once("error", resolve).once("close", () => resolve(null));
    });
    this.stream.resume();
    const error = await over;
    if (error?.code !== "ECONNRESET") throw new Error(`not reset, but ${error?.message ?? "closed"}`, { cause: error });
  }

  /** Sends RST. */
  reset(): void {
    this.client.socket.resetAndDestroy();
  }

  destroy(): void {
    this.client.destroy();
  }
}

export function parseHead(text: string): AnswerHead {
  const [statusLine = "", ...lines] = text.split("\r\n\r\n", 1).join("").split("\r\n");
  const fields = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { status: Number(statusLine.split(" ")[1]), fields: Object.fromEntries(fields) };
}

/** The reason that a refusal gives in Proxy-Status. */
export function refusalReason(answer: string): string | undefined {
  return /; reason=([a-z_]+)$/.exec(parseHead(answer).fields["proxy-status"] ?? "")?.[1];
}
