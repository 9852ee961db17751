/**
 * A way to the relay that takes time, and knows how many round trips were needed: not by the clock, but by what was sent
 * because of what. What a client sends after it has been given something of the relay's is one round trip later than that.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, connect as dialTcp, type Server, type Socket } from "node:net";

export class DelayingProxy {
  /** of the one connection that goes through it: until the latest bytes that the client was given, TCP's handshake included */
  roundTrips = 0;
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** @param roundTripMs half of it is spent on the way there, half on the way back */
  static async before(port: number, roundTripMs: number): Promise<DelayingProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const proxy = new DelayingProxy(server);
    server.on("connection", (client) => proxy.#carry(client, port, roundTripMs / 2));
    return proxy;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }

  /** The kernel accepts at once: TCP's own round trip is made up for before the first bytes go on. */
  #carry(client: Socket, port: number, wayMs: number): void {
    const relay = dialTcp({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    for (const socket of [client, relay]) this.#sockets.add(socket.on("error", () => {}));
    const there = new Way(wayMs, 2 * wayMs);
    const back = new Way(wayMs, 0);
    this.roundTrips = 1;
    /** the round trip that the relay's next bytes are part of */
    let reached = 1;
    client.on("data", (chunk) => {
      const sentIn = this.roundTrips + 1;
      there.after(() => {
        reached = sentIn;
        relay.write(chunk);
      });
    });
    relay.on("data", (chunk) => {
      const sentIn = reached;
      back.after(() => {
        this.roundTrips = Math.max(this.roundTrips, sentIn);
        client.write(chunk);
      });
    });
    client.on("end", () => there.after(() => relay.end()));
    client.on("close", () => there.after(() => relay.destroy()));
    relay.on("end", () => back.after(() => client.end()));
    relay.on("close", () => back.after(() => client.destroySoon()));
  }
}

/** One direction: everything comes later, in the same order. */
class Way {
  readonly #ms: number;
  readonly #underWay: (() => void)[] = [];
  #notBefore: number;

  constructor(ms: number, firstMs: number) {
    this.#ms = ms;
    this.#notBefore = performance.now() + firstMs + ms;
  }

  after(arrive: () => void): void {
    this.#notBefore = Math.max(this.#notBefore, performance.now() + this.#ms);
    this.#underWay.push(arrive);
    setTimeout(() => this.#underWay.shift()?.(), this.#notBefore - performance.now());
  }
}
