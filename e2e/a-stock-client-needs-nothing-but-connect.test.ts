import { once } from "node:events";
import { request } from "node:https";
import type { Socket } from "node:net";
import { connect as secure, type TLSSocket } from "node:tls";
import { ask, connectHead, type FunctionFiles, park, RunningRelay, readHead, until } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  relay = await RunningRelay.start({ routes: [["f1", "f2"]] });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
});

afterAll(() => relay.finish());

const parked = (count: number) => until(`${count} are parked`, async () => (await relay.status()).parked === count);

/** TLS as Node does it by default: no ALPN, reads as far ahead as it likes. */
async function tlsClient(self: FunctionFiles): Promise<TLSSocket> {
  const { cert, key, ca } = self;
  const tls = secure({ host: "127.0.0.1", port: relay.port, servername: "localhost", cert, key, ca });
  await once(tls, "secureConnect");
  return tls;
}

it("TLS and a request head: such a client meets a raw end, whichever comes first", async () => {
  for (const stockFirst of [true, false]) {
    const early = stockFirst ? null : await park(relay, f2, "f1");
    const stock = await tlsClient(f1);
    expect(stock.alpnProtocol).toBe(false);
    stock.write(`${connectHead("f2:443")}and its first bytes`);
    if (stockFirst) await parked(1);
    const end = early ?? (await ask(relay, f2, "f1"));
    expect(await readHead(stock)).toMatch(/^HTTP\/1\.1 200 Paired\r\nRelay-Transport: tls\r\n/);
    expect((await end.paired()).fields).toMatchObject({ "relay-transport": "raw" });
    end.stream.end("from the raw end");
    let heard = "";
    for await (const chunk of stock) heard += String(chunk);
    expect(heard).toBe("from the raw end");
    stock.end();
    expect(await end.rest()).toBe("and its first bytes");
    end.destroy();
  }
});

it("node:https speaks CONNECT: two of it meet", async () => {
  const connectTo = (self: FunctionFiles, peer: string): Promise<Socket> => {
    const { cert, key, ca } = self;
    const target = { host: "localhost", port: relay.port, method: "CONNECT", path: `${peer}:443` };
    const asking = request({ ...target, cert, key, ca, agent: false, family: 4 });
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    asking.once("connect", (response, socket, head) => {
      if (response.statusCode !== 200) reject(new Error(`${response.statusCode}`));
      if (head.length > 0) socket.unshift(head);
      resolve(socket as Socket);
    });
    asking.once("error", reject);
    asking.end();
    return promise;
  };
  const [one, other] = await Promise.all([connectTo(f1, "f2"), connectTo(f2, "f1")]);
  one.write("ping");
  expect(String((await once(other, "data"))[0])).toBe("ping");
  other.end("pong");
  expect(String((await once(one, "data"))[0])).toBe("pong");
  one.end();
  await Promise.all([once(one, "close"), once(other, "close")]);
});

it("node:https is told why it is refused", async () => {
  const { cert, key, ca } = f1;
  const target = { host: "localhost", port: relay.port, method: "CONNECT", path: "nobody:443" };
  const asking = request({ ...target, cert, key, ca, agent: false, family: 4 }).end();
  const [response, socket] = await once(asking, "connect");
  expect(response.statusCode).toBe(403);
  expect(response.headers["proxy-status"]).toBe("relayd; error=http_request_denied; reason=no_route");
  socket.destroy();
});
