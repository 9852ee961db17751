/**
 * A client of the relay in slow motion: it holds the bytes that its TLS layer writes, so that a test can send them in
 * whatever pieces, and with whatever else, it likes.
 */
import { once } from "node:events";
import { connect as dialTcp, type Socket } from "node:net";
import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { type SecureContextOptions, connect as secure, type TLSSocket } from "node:tls";
import { RecordStream } from "@serverless-relay/protocol";

/** PEM texts; without certificate and key the client sends none. */
export interface ClientCredentials {
  readonly cert?: string;
  readonly key?: string;
  readonly ca: string;
}

export interface DialOptions extends SecureContextOptions {
  /** any of 127.0.0.0/8; default 127.0.0.1 */
  readonly localAddress?: string;
  /** is given each line of node:tls's event `keylog` */
  readonly onKeylog?: (line: string) => void;
  /** makes the TCP connection; default: from here, to loopback */
  readonly dial?: (port: number) => Promise<Socket>;
}

class HoldingStream extends RecordStream {
  held: Buffer[] | null = null;

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    if (this.held === null) {
      super._write(chunk, encoding, callback);
      return;
    }
    this.held.push(chunk);
    callback();
  }

  override _writev(chunks: { chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    if (this.held === null) {
      super._writev(chunks, callback);
      return;
    }
    this.held.push(...chunks.map(({ chunk }) => chunk));
    callback();
  }
}

export class OuterClient {
  /** the TCP connection: what is written here goes out as it is */
  readonly socket: Socket;
  /** the outer TLS */
  readonly tls: TLSSocket;
  readonly #records: HoldingStream;
  #detached: Promise<Buffer> | null = null;

  private constructor(records: HoldingStream, tls: TLSSocket) {
    this.#records = records;
    this.socket = records.socket;
    this.tls = tls;
  }

  /** Dials, and completes the outer handshake. */
  static async dial(
    port: number,
    credentials: ClientCredentials,
    { localAddress, onKeylog, dial = (to) => dialLoopback(to, localAddress), ...options }: DialOptions = {},
  ): Promise<OuterClient> {
    const socket = await dial(port);
    const records = new HoldingStream(socket);
    const tls = secure({
      socket: records,
      ...credentials,
      ...options,
      servername: "localhost",
      ALPNProtocols: ["http/1.1"],
    });
    if (onKeylog !== undefined) tls.on("keylog", (line: Buffer) => onKeylog(line.toString()));
    records.watch(tls);
    await once(tls, "secureConnect");
    tls.on("error", () => {});
    socket.on("error", () => {});
    return new OuterClient(records, tls);
  }

  /** "127.0.0.1:40000", as the relay's log and its control API have it */
  get address(): string {
    return `${this.socket.localAddress}:${this.socket.localPort}`;
  }

  /** Sends a request inside TLS. */
  request(head: string): void {
    this.tls.write(head);
  }

  /** The bytes of `head` and close_notify, as TLS records, not sent yet. */
  async flight(head: string | Buffer): Promise<Buffer> {
    this.#records.held = [];
    if (head.length > 0) this.tls.write(head);
    const { sent, done } = this.#records.detach();
    this.#detached = done;
    done.catch(() => {});
    this.tls.resume();
    await sent;
    const bytes = Buffer.concat(this.#records.held);
    this.#records.held = null;
    return bytes;
  }

  /** Waits for the relay's close_notify; from then on the socket is bare, and gives all that came behind it. */
  async bare(): Promise<Socket> {
    if (this.#detached === null) throw new Error("flight() comes first");
    const readAhead = await this.#detached;
    if (readAhead.length > 0) this.socket.unshift(readAhead);
    return this.socket;
  }

  /** What comes inside TLS until the relay ends it. */
  async answer(): Promise<string> {
    return (await readAll(this.tls)).toString();
  }

  destroy(): void {
    this.tls.destroy();
    this.socket.destroy();
  }
}

async function dialLoopback(port: number, localAddress: string | undefined): Promise<Socket> {
  const from = localAddress === undefined ? {} : { localAddress };
  const socket = dialTcp({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true, ...from });
  await once(socket, "connect");
  return socket;
}

/** A CONNECT request head. */
export function connectHead(target: string, fields: Record<string, string> = {}): string {
  const lines = Object.entries({ Host: target, ...fields }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `CONNECT ${target} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** Reads a response head from a stream, and leaves what follows in it. */
export async function readHead(stream: NodeJS.ReadableStream & { unshift(chunk: Buffer): void }): Promise<string> {
  let bytes: Buffer = Buffer.alloc(0);
  for (;;) {
    const chunk = stream.read() as Buffer | null;
    if (chunk === null) {
      await new Promise<void>((resolve, reject) => {
        stream.once("readable", resolve);
        stream.once("end", () => reject(new Error(`the stream ended within a head: ${bytes.toString()}`)));
        stream.once("close", () => reject(new Error(`the stream closed within a head: ${bytes.toString()}`)));
      });
      continue;
    }
    bytes = Buffer.concat([bytes, chunk]);
    const end = bytes.indexOf("\r\n\r\n");
    if (end < 0) continue;
    if (bytes.length > end + 4) stream.unshift(bytes.subarray(end + 4));
    return bytes.subarray(0, end).toString("latin1");
  }
}

/** Everything until the stream ends. Its other direction is left alone, which `for await` would not do. */
export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.resume();
  await finished(stream, { writable: false });
  return Buffer.concat(chunks);
}
