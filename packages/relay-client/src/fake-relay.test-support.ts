/** A relay for tests: what PROTOCOL.md asks of one and no more, and every step open to being done wrongly. */
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { RecordStream, type Role } from "@serverless-relay/protocol";

export interface Credentials {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** A caller whose request has been read. */
export interface Caller {
  readonly socket: Socket;
  readonly records: RecordStream;
  readonly outer: TLSSocket;
  /** "CONNECT f2:443 HTTP/1.1" */
  readonly line: string;
  /** names in lower case */
  readonly fields: ReadonlyMap<string, string>;
}

export interface FakeRelay {
  readonly port: number;
  /** connections that are still open */
  readonly open: ReadonlySet<Socket>;
  close(): Promise<void>;
}

/** `answer` does what it likes with a caller; an error that it throws ends that caller's connection. */
export async function startFakeRelay(
  { cert, key, ca }: Credentials,
  answer: (caller: Caller) => void | Promise<void>,
): Promise<FakeRelay> {
  const open = new Set<Socket>();
  const tcp = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    open.add(socket.on("error", () => {}).on("close", () => open.delete(socket)));
    const records = new RecordStream(socket);
    const tls = createTlsServer({
      cert,
      key,
      ca,
      minVersion: "TLSv1.3",
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: ["http/1.1"],
    });
    tls.on("tlsClientError", () => socket.destroy());
    tls.on("secureConnection", (outer) => {
      records.watch(outer);
      outer.on("error", () => {});
      readRequest(outer)
        .then((head) => answer({ socket, records, outer, ...head }))
        .catch(() => socket.destroy());
    });
    tls.emit("connection", records);
  });
  return { port: await listen(tcp), open, close: async () => close(tcp, open) };
}

async function readRequest(outer: TLSSocket): Promise<Pick<Caller, "line" | "fields">> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  const take = (chunk: Buffer): void => {
    text += chunk.toString("latin1");
    if (text.includes("\r\n\r\n")) resolve(text);
  };
  outer.on("data", take).on("close", () => reject(new Error("no request came")));
  const [line = "", ...rest] = (await promise).split("\r\n");
  outer.off("data", take);
  const fields = rest
    .map((field) => field.split(": ", 2))
    .map(([name = "", value = ""]) => [name.toLowerCase(), value]);
  return { line, fields: new Map(fields as [string, string][]) };
}

export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not a TCP server");
  return address.port;
}

export async function close(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  for (const socket of open) socket.destroy();
  await new Promise((resolve) => {
    server.close(resolve);
  });
}

/** The relay's half of detaching. What the caller sent behind its close_notify is unread again afterwards. */
export async function detach({ records, outer, socket }: Caller): Promise<Socket> {
  outer.resume();
  const readAhead = await records.detach().done;
  if (readAhead.length > 0) socket.unshift(readAhead);
  return socket;
}

export function head200(fields: { transport: string; peer: string; role: Role }): string {
  return (
    `HTTP/1.1 200 Paired\r\nRelay-Transport: ${fields.transport}\r\nRelay-Session: s1\r\n` +
    `Relay-Peer: ${fields.peer}\r\nRelay-Role: ${fields.role}\r\n\r\n`
  );
}

export function refusal(status: number, reason: string, advice: string, fields = ""): string {
  const body = `${reason}: ${advice}\n`;
  return (
    `HTTP/1.1 ${status} Refused\r\nProxy-Status: relayd; error=http_request_denied; reason=${reason}\r\n${fields}` +
    `Content-Type: text/plain\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
  );
}

interface Parked {
  readonly caller: Caller;
  readonly link: Socket;
}

/** Pairs the first two callers as a relay does: nobody's name is checked, the first is the client unless one asks. */
export function pairing(): (caller: Caller) => Promise<void> {
  let parked: Parked | null = null;
  return async (caller) => {
    const arrived = await admit(caller);
    if (parked === null) parked = arrived;
    else {
      join(parked, arrived);
      parked = null;
    }
  };
}

/** Pairs callers that ask for `f2` with those that ask for anybody else, the oldest first, as long as any come. */
export function rendezvous(): (caller: Caller) => Promise<void> {
  const sides: [Parked[], Parked[]] = [[], []];
  return async (caller) => {
    const arrived = await admit(caller);
    const own = paired(caller).peer === "f2" ? 0 : 1;
    const peer = sides[1 - own]?.shift();
    if (peer !== undefined) {
      join(peer, arrived);
      return;
    }
    const queue = sides[own];
    queue?.push(arrived);
    watch(arrived);
    caller.socket.once("close", () => queue?.splice(queue.indexOf(arrived) >>> 0, 1));
  };
}

/** A parked caller that ends without having sent a byte has departed. What it has sent stays unread. */
function watch({ caller, link }: Parked): void {
  link.on("readable", () => {
    if (link.readableLength === 0) link.read();
  });
  link.once("end", () => caller.socket.destroy());
}

async function admit(caller: Caller): Promise<Parked> {
  const raw = caller.fields.get("relay-transport") === "raw";
  if (!raw) caller.records.stayInTls();
  return { caller, link: raw ? await detach(caller) : caller.outer };
}

function join(first: Parked, second: Parked): void {
  const role = first.caller.fields.get("relay-role") ?? other(second.caller.fields.get("relay-role")) ?? "client";
  first.link.write(head200({ ...paired(first.caller), role: role as Role }));
  second.link.write(head200({ ...paired(second.caller), role: other(role) as Role }));
  for (const [one, another] of [
    [first, second],
    [second, first],
  ] as const) {
    one.link.removeAllListeners("readable").removeAllListeners("end");
    one.link.once("close", () => another.link.end());
    one.link.pipe(another.link);
  }
}

function paired({ line, fields }: Caller): { peer: string; transport: string } {
  const host = /^CONNECT ([^:]+):/.exec(line)?.[1] ?? "";
  return { peer: decodeURIComponent(host), transport: fields.get("relay-transport") ?? "tls" };
}

function other(role: string | undefined): string | undefined {
  return role === undefined ? undefined : role === "client" ? "server" : "client";
}
