import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, it } from "vitest";
import { RecordStream } from "./record-stream.ts";

/** A TLS record: application data, as far as its header goes. */
function record(content: string): Buffer {
  return Buffer.concat([Buffer.from([23, 3, 3, 0, content.length]), Buffer.from(content)]);
}

it("loses nothing if whoever reads decides in between that the connection stays in TLS", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const near = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [Socket];
  const records = new RecordStream(socket);
  const sent = Buffer.concat([record("one"), record("two"), record("three")]);
  const read: Buffer[] = [];
  records.on("data", (chunk: Buffer) => {
    read.push(Buffer.from(chunk));
    records.stayInTls(); // in the very call that hands the first record over, with the others behind it
  });
  near.end(sent); // one chunk
  await once(records, "end");
  expect(Buffer.concat(read).toString()).toBe(sent.toString());
  expect(read.length).toBeGreaterThan(1);
  records.destroy();
  near.destroy();
  server.close();
});
