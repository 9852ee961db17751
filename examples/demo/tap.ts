/** A TCP forwarder in front of the relay that keeps every byte: what it has, the relay (and anyone on the path) has. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { RecordBoundaries } from "@serverless-relay/protocol";

export interface Tap {
  readonly port: number;
  /** What was seen so far, and which of `secrets` were among it. */
  report(secrets: readonly string[]): TapReport;
  close(): Promise<void>;
}

export interface TapReport {
  readonly connections: number;
  readonly bytes: number;
  /** TLS records that the functions sent */
  readonly records: number;
  /** the functions sent nothing but TLS records */
  readonly onlyRecords: boolean;
  readonly leaked: readonly string[];
}

export async function openTap(relayPort: number): Promise<Tap> {
  const seen: { toRelay: Buffer[]; toFunction: Buffer[] }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ port: relayPort, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const record = { toRelay: [] as Buffer[], toFunction: [] as Buffer[] };
    seen.push(record);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
    }
    near.on("data", (chunk: Buffer) => record.toRelay.push(chunk)).pipe(far);
    far.on("data", (chunk: Buffer) => record.toFunction.push(chunk)).pipe(near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    report(secrets) {
      const sent = seen.map(({ toRelay }) => Buffer.concat(toRelay));
      const all = [...sent, ...seen.map(({ toFunction }) => Buffer.concat(toFunction))];
      const counts = sent.map(countRecords);
      return {
        connections: seen.length,
        bytes: all.reduce((sum, { length }) => sum + length, 0),
        records: counts.reduce<number>((sum, count) => sum + (count ?? 0), 0),
        onlyRecords: !counts.includes(null),
        leaked: secrets.filter((secret) => all.some((bytes) => bytes.includes(secret))),
      };
    },
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Null if there is anything else than whole TLS records. */
function countRecords(bytes: Buffer): number | null {
  const boundaries = new RecordBoundaries();
  let count = 0;
  for (let at = 0; at < bytes.length; count++) {
    at += boundaries.take(bytes, at);
    if (!boundaries.atBoundary) return null;
  }
  return count;
}
