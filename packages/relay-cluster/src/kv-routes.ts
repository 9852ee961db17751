/**
 * The routes of a cluster, in a JetStream key-value bucket. Every relay has a copy of all of them, and serves from that: it
 * goes on without NATS. A change is acknowledged once the bucket has it.
 *
 * The copy follows the bucket by a watch. A fresh watch may miss what happens while it starts (NATS servers up to 2.9 do),
 * so the whole bucket is read once more soon after each start, and now and then.
 */

import { createHash } from "node:crypto";
import { type KV, type KvEntry, Kvm, KvWatchInclude } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { z } from "zod";

/** A route as the bucket holds it; what relayd keeps of it besides its names passes through as it is. */
const recordSchema = z.looseObject({ f1: z.string().min(1), f2: z.string().min(1), createdAt: z.string() });
export type KvRoute = z.output<typeof recordSchema>;

export type RouteChange =
  | { readonly kind: "put"; readonly route: KvRoute }
  | { readonly kind: "delete"; readonly f1: string; readonly f2: string };

interface KvOptions {
  readonly bucket: string;
  /** how many NATS servers hold it: 1, 3 or 5 */
  readonly replicas: number;
  /** what goes wrong while nobody waits for an answer */
  readonly report: (error: Error) => void;
}

/** When the bucket is read once more after a watch has started, and then again and again. */
const RECONCILE_MS = { soon: 1_000, later: 30_000 };

interface Known {
  /** null: deleted; kept for its revision */
  readonly route: KvRoute | null;
  readonly revision: number;
}

export class KvRoutes {
  readonly #kv: KV;
  readonly #options: KvOptions;
  readonly #known = new Map<string, Known>();
  #onChange: ((change: RouteChange) => void) | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopWatch: (() => void) | null = null;
  #closed = false;
  #readAt = 0;

  private constructor(kv: KV, options: KvOptions) {
    this.#kv = kv;
    this.#options = options;
  }

  /** Makes the bucket if it is not there, and reads all of it. */
  static async open(connection: NatsConnection, options: KvOptions): Promise<KvRoutes> {
    const { bucket, replicas } = options;
    const kv = await new Kvm(connection).create(bucket, { replicas, history: 1 });
    const routes = new KvRoutes(kv, options);
    await routes.#reconcile();
    await routes.#follow();
    return routes;
  }

  all(): KvRoute[] {
    return [...this.#known.values()].flatMap(({ route }) => (route === null ? [] : [route]));
  }

  /** Seconds since the whole bucket was last read. */
  get age(): number {
    return (Date.now() - this.#readAt) / 1000;
  }

  /** `listener` is told of every change that another relay makes. */
  onChange(listener: (change: RouteChange) => void): void {
    this.#onChange = listener;
  }

  /** In the bucket once resolved. Rejects where NATS does not acknowledge it: then it may be there, or not. */
  async put(route: KvRoute): Promise<void> {
    const key = keyOf(route.f1, route.f2);
    const revision = await this.#kv.put(key, JSON.stringify(route));
    this.#learn(key, route, revision, false);
  }

  /** Gone once resolved. False if there was no such route. */
  async delete(f1: string, f2: string): Promise<boolean> {
    const key = keyOf(f1, f2);
    const known = this.#known.get(key);
    if (known === undefined || known.route === null) return false;
    await this.#kv.delete(key);
    // The server tells no revision of a delete; the watch will. Any is newer than the one that was known.
    this.#learn(key, null, known.revision + 1, false);
    return true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#stopWatch?.();
  }

  async #follow(): Promise<void> {
    const watch = await this.#kv.watch({ include: KvWatchInclude.UpdatesOnly });
    this.#stopWatch = () => watch.stop();
    const following = (async () => {
      for await (const entry of watch) this.#take(entry);
    })();
    following.catch(this.#report).finally(() => this.#followAgain());
    this.#reconcileAfter(RECONCILE_MS.soon);
  }

  /** The watch has ended by itself: NATS was away, or the bucket has moved. */
  #followAgain(): void {
    if (this.#closed) return;
    this.#follow().catch((error: unknown) => {
      this.#report(error);
      setTimeout(() => this.#followAgain(), RECONCILE_MS.soon);
    });
  }

  #reconcileAfter(ms: number): void {
    if (this.#closed) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#reconcile()
        .catch(this.#report)
        .finally(() => this.#reconcileAfter(RECONCILE_MS.later));
    }, ms);
  }

  /** Reads the whole bucket, and takes up what the watch has missed. */
  async #reconcile(): Promise<void> {
    const missing = new Map([...this.#known].filter(([, { route }]) => route !== null));
    const snapshot = await this.#kv.watch({ include: KvWatchInclude.LastValue });
    const status = await this.#kv.status();
    if (status.values > 0) {
      for await (const entry of snapshot) {
        if (entry.operation === "PUT") missing.delete(entry.key);
        this.#take(entry);
        if (entry.delta === 0) break;
      }
    }
    snapshot.stop();
    for (const [key, { revision }] of missing) {
      // Written since the reading began: it is in no snapshot of before.
      if (this.#known.get(key)?.revision === revision) this.#learn(key, null, revision, true);
    }
    this.#readAt = Date.now();
  }

  #take({ key, operation, revision, value }: KvEntry): void {
    try {
      const route = operation === "PUT" ? recordSchema.parse(JSON.parse(Buffer.from(value).toString())) : null;
      this.#learn(key, route, revision, true);
    } catch (cause) {
      this.#report(new Error(`entry ${key} of ${this.#options.bucket} is not a route; delete it there`, { cause }));
    }
  }

  #learn(key: string, route: KvRoute | null, revision: number, tell: boolean): void {
    const before = this.#known.get(key);
    if (before !== undefined && (before.revision > revision || (before.revision === revision && route !== null)))
      return;
    this.#known.set(key, { route, revision });
    if (!tell) return;
    if (route !== null) this.#onChange?.({ kind: "put", route });
    else if (before?.route) this.#onChange?.({ kind: "delete", f1: before.route.f1, f2: before.route.f2 });
  }

  readonly #report = (error: unknown): void => {
    if (!this.#closed) this.#options.report(error instanceof Error ? error : new Error(String(error)));
  };
}

/** A name may hold what a key may not. The order of the two does not matter. */
function keyOf(f1: string, f2: string): string {
  const [first, second] = f1 <= f2 ? [f1, f2] : [f2, f1];
  return createHash("sha256").update(`${first}\n${second}`).digest("base64url");
}
