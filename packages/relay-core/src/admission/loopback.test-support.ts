/** Connections over loopback, with both ends in the test's hands. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Server, TLSSocket } from "node:tls";
import { RecordStream } from "@serverless-relay/protocol";
import { type ClientCredentials, OuterClient } from "@serverless-relay/testkit";
import { afterEach } from "vitest";

export interface Connection {
  /** as a relay accepts it */
  readonly accepted: Socket;
  /** whoever dialled */
  readonly caller: Socket;
}

const open = new Set<Socket>();

afterEach(() => {
  for (const socket of open) socket.destroy();
  open.clear();
});

/** Both ends are destroyed behind the test. `from`: any of 127.0.0.0/8. */
export async function connection(from = "127.0.0.1"): Promise<Connection> {
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const caller = connect({ port, host: "127.0.0.1", localAddress: from, allowHalfOpen: true, noDelay: true });
  const [accepted] = (await once(server, "connection")) as [Socket];
  server.close();
  for (const socket of [accepted, caller]) {
    open.add(socket);
    socket.on("error", () => {});
  }
  return { accepted, caller };
}

export interface Secured {
  readonly client: OuterClient;
  readonly records: RecordStream;
  /** over `records`, which watch it */
  readonly tls: TLSSocket;
}

/** One whose outer handshake is done. */
export async function secured(server: Server, self: ClientCredentials): Promise<Secured> {
  const { accepted, caller } = await connection();
  const records = new RecordStream(accepted);
  const shaken = once(server, "secureConnection").then(([tls]) => {
    records.watch(tls as TLSSocket);
    return tls as TLSSocket;
  });
  server.emit("connection", records);
  const client = await OuterClient.dial(0, self, { dial: async () => caller });
  return { client, records, tls: await shaken };
}
