/**
 * The routes of a cluster, in a JetStream key-value bucket. Every relay has a copy of all of them, and serves from that: it
 * goes on without NATS. A change is acknowledged once the bucket has it.
 *
 * The copy follows the bucket by a watch. A fresh watch may miss what happens while it starts (NATS servers up to 2.9 do),
 * so the whole bucket is read once more soon after each start, and now and then.
 *
 * A deletion leaves a mark in the bucket, and that stays: replicated streams of NATS 2.9 that were purged of single subjects
 * lost all that was older when one of their servers was killed (seen with 2.9.10).
 *
 * A reading may come from a NATS server that has just begun, and has not caught up: what it lacks at its end is not deleted.
 */

import { createHash } from "node:crypto";
import { JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream";
import { type KV, type KvEntry, Kvm, KvWatchInclude } from "@nats-io/kv";
import { delay, errors, type NatsConnection } from "@nats-io/transport-node";
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
  /** whether NATS is connected */
  readonly isThere: () => boolean;
  /** what goes wrong while nobody waits for an answer */
  readonly report: (error: Error) => void;
}

const NATS_BEGINS_MS = 15_000;
const NOT_YET_MS = 200;
/** Of JetStream's error codes, these two have no name in its library. */
const NO_SUITABLE_PEERS = 10_005;
const TEMPORARILY_UNAVAILABLE = 10_008;
/** A route that others keep writing while it is deleted is reported instead. */
const DELETE_TRIES = 5;
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
  /** under way, by key: of two at once, the second finds the route gone */
  readonly #deletions = new Map<string, Promise<boolean>>();
  /** what has changed since the bucket was opened, and before anybody listened */
  #untold: RouteChange[] = [];
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
    const kv = await openBucket(connection, bucket, replicas);
    const routes = new KvRoutes(kv, options);
    await routes.#reconcile();
    await routes.#follow();
    return routes;
  }

  /** In the order of their names. */
  all(): KvRoute[] {
    const routes = [...this.#known.values()].flatMap(({ route }) => (route === null ? [] : [route]));
    const keyed = routes.map((route) => ({ route, key: namesOf(route.f1, route.f2) }));
    return keyed.toSorted((a, b) => (a.key < b.key ? -1 : 1)).map(({ route }) => route);
  }

  /** Seconds since the whole bucket was last read. */
  get age(): number {
    return (performance.now() - this.#readAt) / 1000;
  }

  /** `listener` is told of every change that another relay makes, and has made since the bucket was opened. */
  onChange(listener: (change: RouteChange) => void): void {
    this.#onChange = listener;
    for (const change of this.#untold.splice(0)) listener(change);
  }

  /** In the bucket once resolved. Rejects where NATS does not acknowledge it: then it may be there, or not. */
  async put(route: KvRoute): Promise<void> {
    this.#checkThere();
    const key = keyOf(route.f1, route.f2);
    const revision = await this.#kv.put(key, JSON.stringify(route));
    this.#learn(key, route, revision, false);
  }

  /**
   * Gone once resolved. False if there was no such route. Of two relays that delete it at the same moment, one is told so; by
   * replicated buckets of NATS 2.9, which does not look at what is still on its way, both may be told that it was there.
   */
  async delete(f1: string, f2: string): Promise<boolean> {
    const key = keyOf(f1, f2);
    const deletion = (this.#deletions.get(key) ?? Promise.resolve(false)).catch(() => {}).then(() => this.#delete(key));
    this.#deletions.set(key, deletion);
    return await deletion.finally(() => {
      if (this.#deletions.get(key) === deletion) this.#deletions.delete(key);
    });
  }

  async #delete(key: string): Promise<boolean> {
    this.#checkThere();
    let known = this.#known.get(key);
    if (!known?.route) known = await this.#read(key);
    for (let tries = 1; known?.route; tries++) {
      try {
        await this.#kv.delete(key, { previousSeq: known.revision });
      } catch (error) {
        if (!isOvertaken(error) || tries === DELETE_TRIES) throw error;
        known = await this.#read(key);
        continue;
      }
      // The server tells no revision of a delete; the watch will. Any is newer than the one that was known.
      this.#learn(key, null, known.revision + 1, false);
      return true;
    }
    return false;
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
    // Nothing at all: what the leader says holds for every route.
    let upTo = status.values > 0 ? 0 : Number.POSITIVE_INFINITY;
    if (status.values > 0) {
      for await (const entry of snapshot) {
        upTo = Math.max(upTo, entry.revision);
        if (entry.operation === "PUT") missing.delete(entry.key);
        this.#take(entry);
        if (entry.delta === 0) break;
      }
    }
    snapshot.stop();
    for (const [key, { revision }] of missing) {
      // Written since: it is in no snapshot of before.
      if (revision <= upTo && this.#known.get(key)?.revision === revision) this.#forget(key);
    }
    this.#readAt = performance.now();
  }

  /** NATS's library would keep the change, and make it when NATS is back: long after the caller was told that it failed. */
  #checkThere(): void {
    if (!this.#options.isThere()) throw new Error("NATS is away");
  }

  /** What the bucket has just now. */
  async #read(key: string): Promise<Known | undefined> {
    const entry = await this.#kv.get(key);
    return entry === null ? undefined : { route: routeOf(entry), revision: entry.revision };
  }

  #take(entry: KvEntry): void {
    const { key, revision } = entry;
    try {
      this.#learn(key, routeOf(entry), revision, true);
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
    if (route !== null) this.#tell({ kind: "put", route });
    else if (before?.route) this.#tell({ kind: "delete", f1: before.route.f1, f2: before.route.f2 });
  }

  /** It is not in the bucket, nor the mark of its deletion. Should it be there again, it is learned again. */
  #forget(key: string): void {
    const route = this.#known.get(key)?.route;
    this.#known.delete(key);
    if (route) this.#tell({ kind: "delete", f1: route.f1, f2: route.f2 });
  }

  #tell(change: RouteChange): void {
    if (this.#onChange === null) this.#untold.push(change);
    else this.#onChange(change);
  }

  readonly #report = (error: unknown): void => {
    if (!this.#closed) this.#options.report(error instanceof Error ? error : new Error(String(error)));
  };
}

/** Makes it if it is not there. Waits for a NATS cluster that has just begun, and has no leader, or too few servers, as yet. */
async function openBucket(connection: NatsConnection, bucket: string, replicas: number): Promise<KV> {
  const deadline = Date.now() + NATS_BEGINS_MS;
  for (;;) {
    try {
      // Read from the leader, not from whichever server is near: that may be behind.
      return await new Kvm(connection).create(bucket, { replicas, history: 1, allow_direct: false });
    } catch (error) {
      const beginning = error instanceof errors.TimeoutError || (error instanceof JetStreamApiError && isNotYet(error));
      if (!beginning || Date.now() > deadline) throw error;
      await delay(NOT_YET_MS);
    }
  }
}

function isNotYet({ code }: JetStreamApiError): boolean {
  return code === NO_SUITABLE_PEERS || code === TEMPORARILY_UNAVAILABLE;
}

/** Null: deleted. Throws where it cannot be read. */
function routeOf({ operation, value }: KvEntry): KvRoute | null {
  return operation === "PUT" ? recordSchema.parse(JSON.parse(Buffer.from(value).toString())) : null;
}

/** Somebody else has written the same key meanwhile. */
function isOvertaken(error: unknown): boolean {
  const { StreamWrongLastSequence, StreamWrongLastSequenceUnknown } = JetStreamApiCodes;
  return (
    error instanceof JetStreamApiError &&
    (error.code === StreamWrongLastSequence || error.code === StreamWrongLastSequenceUnknown)
  );
}

/** The order of the two does not matter. A name holds no line feed. */
function namesOf(f1: string, f2: string): string {
  return f1 <= f2 ? `${f1}\n${f2}` : `${f2}\n${f1}`;
}

/** A name may hold what a key may not. */
function keyOf(f1: string, f2: string): string {
  return createHash("sha256").update(namesOf(f1, f2)).digest("base64url");
}
