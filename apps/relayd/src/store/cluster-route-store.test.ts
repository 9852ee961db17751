import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { connectNats, KvRoutes, NatsBus, type RouteChange } from "@serverless-relay/cluster";
import { RunningNats, until } from "@serverless-relay/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ClusterRouteStore } from "./cluster-route-store.ts";
import { createMemoryRouteStore } from "./memory-route-store.ts";
import { describeRouteStore } from "./route-store.suite.ts";
import { type RouteStore, StoreError } from "./route-store.ts";

const CREATED = "2026-11-23T06:00:00.000Z";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

interface Opened {
  readonly routes: KvRoutes;
  readonly store: RouteStore;
}

/** What one relay of a cluster has: a connection to NATS of its own, and its copy of the bucket. */
async function join({ urls, size }: Pick<RunningNats, "urls" | "size">, bucket: string): Promise<Opened> {
  const connection = await connectNats({ servers: urls }, "a test");
  const bus = new NatsBus(connection, () => {});
  const wish = { bucket, replicas: size, isThere: () => bus.isThere, report: () => {} };
  const routes = await KvRoutes.open(connection, wish);
  closing.push(async () => {
    await routes.close();
    await connection.close();
  });
  return { routes, store: new ClusterRouteStore(routes, createMemoryRouteStore()) };
}

/** A way to a NATS server that can be cut: nothing answers there until it is mended. */
class CutWay {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #port = 0;

  private constructor(target: URL) {
    this.#server = createServer((socket) => {
      const onward = connect(Number(target.port), target.hostname);
      for (const [from, to] of [
        [socket, onward],
        [onward, socket],
      ] as const) {
        this.#sockets.add(from);
        from.pipe(to);
        from.on("error", () => to.destroy()).on("close", () => to.destroy());
      }
    });
  }

  static async open(url: string): Promise<CutWay> {
    const way = new CutWay(new URL(url));
    await way.mend();
    return way;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#port}`;
  }

  async mend(): Promise<void> {
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async cut(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    await closed;
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.cut();
  }
}

const newBucket = () => `test_${randomUUID()}`;

describe.each([{ servers: 1 as const }, { servers: 3 as const }])(
  "in a bucket of $servers NATS server(s)",
  (options) => {
    let nats: RunningNats;
    beforeAll(async () => {
      nats = await RunningNats.start(options);
    }, 30_000);
    afterAll(() => nats.stop());

    describeRouteStore("the cluster's", async () => (await join(nats, newBucket())).store);

    it("tells each relay of what the others change, and of what they changed before it listened", async () => {
      const bucket = newBucket();
      const [one, other] = [await join(nats, bucket), await join(nats, bucket)];
      await one.store.put({ f1: "a", f2: "b", createdAt: CREATED });
      await until("the other has it", () => [...other.store.all()].length === 1);
      const changes: RouteChange[] = [];
      other.routes.onChange((change) => changes.push(change));
      await one.store.delete("b", "a");
      await until("the other is told", () => changes.length === 2);
      expect(changes).toEqual([
        { kind: "put", route: { f1: "a", f2: "b", createdAt: CREATED } },
        { kind: "delete", f1: "a", f2: "b" },
      ]);
      expect([...other.store.all()]).toEqual([]);
    });

    it("of two relays that delete a route at once, tells at least one that it was there, and then none", async () => {
      const bucket = newBucket();
      const [one, other] = [await join(nats, bucket), await join(nats, bucket)];
      for (let round = 0; round < 10; round++) {
        await one.store.put({ f1: "a", f2: "b", createdAt: CREATED });
        const found = await Promise.all([one.store.delete("a", "b"), other.store.delete("a", "b")]);
        expect(found).toContain(true);
        if (nats.size === 1) expect(found).toContain(false);
        expect(await Promise.all([one.store.delete("a", "b"), other.store.delete("a", "b")])).toEqual([false, false]);
      }
    });

    it("deletes what another relay has put anew meanwhile, and what it has not heard of yet", async () => {
      const bucket = newBucket();
      const [one, other] = [await join(nats, bucket), await join(nats, bucket)];
      await one.store.put({ f1: "a", f2: "b", createdAt: CREATED });
      await expect(other.store.delete("a", "b")).resolves.toBe(true);
      await one.store.put({ f1: "a", f2: "b", createdAt: "2026-11-24T06:00:00.000Z" });
      await expect(other.store.delete("a", "b")).resolves.toBe(true);
      await until("the first hears of it", () => [...one.store.all()].length === 0);
    });
  },
);

describe("a relay that is cut off from NATS", () => {
  it("learns of what was deleted meanwhile", async () => {
    const nats = await RunningNats.start();
    try {
      const way = await CutWay.open(nats.urls[0] ?? "");
      closing.push(() => way.close());
      const bucket = newBucket();
      const one = await join(nats, bucket);
      const away = await join({ urls: [way.url], size: nats.size }, bucket);
      for (const f2 of ["b", "c"]) await one.store.put({ f1: "a", f2, createdAt: CREATED });
      await until("it has them", () => away.routes.all().length === 2);
      const told: RouteChange[] = [];
      away.routes.onChange((change) => told.push(change));
      await way.cut();
      await one.store.delete("a", "b");
      await way.mend();
      await until("it has learnt of it", () => told.some(({ kind }) => kind === "delete"));
      expect([...away.store.all()].map(({ f2 }) => f2)).toEqual(["c"]);
    } finally {
      for (const close of closing.splice(0)) await close();
      await nats.stop();
    }
  });
});

describe("while NATS is away, the cluster's route store", () => {
  it("serves its copy, and makes no change: neither now nor when NATS is back", async () => {
    const nats = await RunningNats.start();
    try {
      const { routes, store } = await join(nats, newBucket());
      await store.put({ f1: "a", f2: "b", createdAt: CREATED });
      await nats.halt();
      for (const change of [() => store.put({ f1: "c", f2: "d", createdAt: CREATED }), () => store.delete("a", "b")]) {
        await expect(change()).rejects.toThrow(StoreError);
      }
      expect([...store.all()]).toHaveLength(1);
      await nats.boot();
      await until("changes can be made again", () =>
        store.put({ f1: "e", f2: "f", createdAt: CREATED }).then(
          () => true,
          () => false,
        ),
      );
      const read = routes.age;
      await until("the bucket has been read again", () => routes.age < read);
      expect([...store.all()].map(({ f1 }) => f1)).toEqual(["a", "e"]);
    } finally {
      for (const close of closing.splice(0)) await close();
      await nats.stop();
    }
  });
});
