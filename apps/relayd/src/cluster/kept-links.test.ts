import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer, type Server } from "node:net";
import { PeerDialer } from "@serverless-relay/cluster";
import { Hops, type RelayEvent } from "@serverless-relay/core";
import { createAuthority } from "@serverless-relay/pki";
import { until } from "@serverless-relay/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";

/** The peer listener of a relay that has granted whatever is asked for. */
class Granting {
  readonly accepted: Socket[] = [];
  /** the connections over which hops came, by claim */
  readonly came = new Map<string, number | undefined>();
  readonly events: RelayEvent[] = [];
  readonly #hops: Hops;
  readonly #server: Server;

  constructor(credentials: { cert: string; key: string; ca: string }, handshakes: number) {
    const ms = 5_000;
    const limits = { headSize: 16_384, handshakeTimeoutMs: ms, requestTimeoutMs: ms, detachTimeoutMs: ms, handshakes };
    this.#hops = new Hops({
      credentials,
      names: [],
      limits,
      observe: (event) => this.events.push(event),
      redeem: (claim) => ({
        putBack: () => {},
        meet: async ({ link: { socket } }) => {
          this.came.set(claim, socket.remotePort);
          const fields = "Relay-Transport: raw\r\nRelay-Session: s\r\nRelay-Peer: f1\r\nRelay-Role: server";
          socket.write(`HTTP/1.1 200 Paired\r\n${fields}\r\n\r\n`);
          return true;
        },
      }),
    });
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.accepted.push(socket);
      socket.on("error", () => {});
      this.#hops.accept(socket);
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get open(): Socket[] {
    return this.accepted.filter(({ destroyed }) => !destroyed);
  }

  close(): void {
    this.#hops.close();
    this.#server.close();
    for (const socket of this.accepted) socket.destroy();
  }
}

let credentials: { cert: string; key: string; ca: string };
const closing: { close(): void }[] = [];
beforeEach(async () => {
  const authority = await createAuthority({ commonName: "relays" });
  const { certPem, keyPem } = await authority.issue({
    ips: ["127.0.0.1"],
    dnsNames: ["relay"],
    usages: ["clientAuth", "serverAuth"],
  });
  credentials = { cert: certPem, key: keyPem, ca: authority.certPem };
});
afterEach(() => {
  for (const each of closing.splice(0)) each.close();
});

async function meet({ handshakes = 100, readyMs = 60_000 } = {}) {
  const there = new Granting(credentials, handshakes);
  const dialer = new PeerDialer(credentials, { readyMs });
  closing.push(dialer, there);
  const address = await there.listen();
  /** Resolves with the port that the hop came from, as the other relay sees it. */
  const hop = async (claim: string, by = dialer): Promise<number | undefined> => {
    const { link } = await by.dial({ claim, relay: "there", address }, { peer: "f1", role: undefined });
    closing.push({ close: () => void link.socket.destroy() });
    return there.came.get(claim);
  };
  /** One that has shaken hands, and waits to be used. */
  const kept = async (count = 1) => {
    await until("a link is kept", () => dialer.size === count);
    return there.open.filter((socket) => ![...there.came.values()].includes(socket.remotePort));
  };
  return { there, dialer, hop, kept };
}

it("a further link is kept after a hop, and the next hop goes by that", async () => {
  const { hop, kept, there } = await meet();
  await hop("one");
  const [link] = await kept();
  expect(await hop("two")).toBe(link?.remotePort);
  await kept();
  expect(there.accepted).toHaveLength(3);
});

it.each([
  ["has ended", (link: Socket) => link.end()],
  ["has broken", (link: Socket) => link.resetAndDestroy()],
])("a hop does not fail because the link that was kept %s, noticed or not", async (_how, end) => {
  const { hop, kept, dialer } = await meet();
  await hop("one");
  const [unnoticed] = await kept();
  if (unnoticed === undefined) throw new Error("one is kept");
  end(unnoticed);
  expect(await hop("two")).not.toBe(unnoticed.remotePort);
  const [noticed] = await kept();
  if (noticed === undefined) throw new Error("one is kept");
  end(noticed);
  await until("it is noticed", () => dialer.size === 0);
  await hop("three");
});

it("links are kept for a while, eight for each relay at most, and not longer than the dialer is there", async () => {
  const { hop, kept, there, dialer } = await meet({ readyMs: 300 });
  await Promise.all(Array.from({ length: 20 }, (_, index) => hop(`${index}`)));
  expect((await kept(8)).length).toBe(8);
  await until("they have been given up", () => there.open.length === 20);
  expect(dialer.size).toBe(0);
  await hop("last");
  await kept();
  dialer.close();
  await until("the link has been given up", () => there.open.length === 21);
});

it("a link that is kept takes a place at the other relay, and makes room for those who ask for something", async () => {
  const { hop, kept, there, dialer } = await meet({ handshakes: 1 });
  await hop("one");
  await kept();
  const other = new PeerDialer(credentials);
  closing.push(other);
  const isMet = () =>
    hop("two", other).then(
      () => true,
      () => false,
    );
  await until("it has been there long enough to make room", isMet);
  await until("the link is gone", () => dialer.size === 0);
  expect(there.events.map(({ event }) => event)).toContain("dropped");
  await hop("three");
});
