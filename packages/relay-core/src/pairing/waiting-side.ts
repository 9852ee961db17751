/** Those who wait at one place for the same peer: oldest first among those whose roles fit. */
import type { Role } from "@serverless-relay/protocol";

interface Waiter {
  readonly role: Role | undefined;
  /** smaller came earlier */
  readonly order: number;
}

type Wish = Role | "either";

/** Two ends fit unless both ask for the same side of the inner TLS. */
const FITTING: Readonly<Record<Wish, readonly Wish[]>> = {
  client: ["server", "either"],
  server: ["client", "either"],
  either: ["client", "server", "either"],
};

export class WaitingSide<W extends Waiter> {
  // One queue for each wish, so that many who ask for the same side are never searched through.
  readonly #queues = new Map<Wish, Set<W>>();
  readonly #conflicts = new Map<Role, number>();

  get size(): number {
    let size = 0;
    for (const queue of this.#queues.values()) size += queue.size;
    return size;
  }

  *[Symbol.iterator](): Generator<W> {
    for (const queue of this.#queues.values()) yield* queue;
  }

  add(waiter: W): void {
    const wish = waiter.role ?? "either";
    const queue = this.#queues.get(wish);
    if (queue === undefined) this.#queues.set(wish, new Set([waiter]));
    else if ((first(queue)?.order ?? 0) > waiter.order) this.#queues.set(wish, new Set([waiter, ...queue]));
    else queue.add(waiter);
  }

  delete(waiter: W): void {
    this.#queues.get(waiter.role ?? "either")?.delete(waiter);
  }

  /** Takes out the oldest who fits an arrival of `role`. */
  takeFitting(role: Role | undefined): W | null {
    let oldest: W | null = null;
    for (const wish of FITTING[role ?? "either"]) {
      const candidate = first(this.#queues.get(wish));
      if (candidate !== undefined && (oldest === null || candidate.order < oldest.order)) oldest = candidate;
    }
    if (oldest !== null) this.delete(oldest);
    return oldest;
  }

  /** A peer came that asked for `role`, and found nobody who fitted. */
  noteUnmatched(role: Role, order: number): void {
    this.#conflicts.set(role, order);
  }

  /** Whether a peer came, since `waiter` waits, that asked for the same side. */
  metConflict(waiter: W): boolean {
    return waiter.role !== undefined && (this.#conflicts.get(waiter.role) ?? Number.NEGATIVE_INFINITY) > waiter.order;
  }

  hasWaiting(role: Role | undefined): boolean {
    return role !== undefined && (this.#queues.get(role)?.size ?? 0) > 0;
  }
}

function first<T>(queue: Set<T> | undefined): T | undefined {
  return queue?.values().next().value;
}
