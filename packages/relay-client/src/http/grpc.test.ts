import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeCertificates } from "../certificates.test-support.ts";
import { type FakeRelay, rendezvous, startFakeRelay } from "../fake-relay.test-support.ts";
import { carry, connect, createServer as createRelayServer, type Identity, type RelayServer } from "../index.ts";

const plain = (value: Buffer): Buffer => value;
const method = {
  requestSerialize: plain,
  requestDeserialize: plain,
  responseSerialize: plain,
  responseDeserialize: plain,
};
const SHOUT = { ...method, path: "/echo.Echo/Shout", requestStream: false, responseStream: false };
const CHAT = { ...method, path: "/echo.Echo/Chat", requestStream: true, responseStream: true };

const directory = mkdtempSync(join(tmpdir(), "relay-grpc-"));
const path = join(directory, "f2.sock");

let relay: FakeRelay;
let f1: Identity;
let server: Server;
let relayServer: RelayServer;
let met: number;
const entrance = createServer({ allowHalfOpen: true }, (socket) => void forward(socket));

async function forward(socket: Socket): Promise<void> {
  const asked = {
    relay: `127.0.0.1:${relay.port}`,
    peer: "f2",
    identity: f1,
    role: "client",
    allowHalfOpen: true,
    alpn: ["h2"],
  } as const;
  const connection = await connect({ ...asked, timeout: 5_000 });
  await carry(socket, connection.socket).catch(() => {}); // gRPC tears its connections off at the end
}

beforeEach(async () => {
  const certificates = await makeCertificates();
  f1 = certificates.f1;
  relay = await startFakeRelay(certificates.relay, rendezvous());
  server = new Server();
  server.addService(
    { shout: SHOUT, chat: CHAT },
    {
      shout: ({ request }: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) =>
        answer(null, Buffer.from(request.toString().toUpperCase())),
      chat: (call: ServerDuplexStream<Buffer, Buffer>) => {
        call.on("data", (message: Buffer) => call.write(message)).on("end", () => call.end());
      },
    },
  );
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  met = 0;
  relayServer = createRelayServer({
    relay: `127.0.0.1:${relay.port}`,
    peer: "f1",
    identity: certificates.f2,
    alpn: ["h2"],
  });
  relayServer.on("connection", (socket) => {
    met++;
    injector.injectConnection(socket);
  });
  await new Promise<void>((resolve) => {
    entrance.listen(path, resolve);
  });
});

afterEach(async () => {
  server.forceShutdown();
  relayServer.destroy();
  await relayServer.closed;
  await relay.close();
  await new Promise((resolve) => {
    entrance.close(resolve);
  });
  rmSync(directory, { recursive: true });
});

it("gRPC goes through the relay: calls and streams of @grpc/grpc-js, over one session", async () => {
  const client = new Client(`unix:${path}`, credentials.createInsecure());
  const shout = async (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(SHOUT.path, plain, plain, Buffer.from(text), (error, answer) =>
        error === null ? resolve(String(answer)) : reject(error),
      );
    });
  expect(await Promise.all(["one", "two", "three"].map(shout))).toEqual(["ONE", "TWO", "THREE"]);

  const chat = client.makeBidiStreamRequest(CHAT.path, plain, plain);
  const heard: string[] = [];
  chat.on("data", (message: Buffer) => heard.push(message.toString()));
  for (let round = 0; round < 100; round++) chat.write(Buffer.from(`message ${round}`));
  chat.end();
  await new Promise((resolve) => {
    chat.once("end", resolve);
  });
  expect(heard).toEqual(Array.from({ length: 100 }, (_, round) => `message ${round}`));
  expect(met).toBe(1);
  client.close();
});
