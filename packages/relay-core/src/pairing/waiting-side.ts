/** Those who wait at one place for the same peer: oldest first among those whose roles fit. */
import type { Role } from "@serverless-relay/protocol";

/** One who waits; the links are its queue's. */
export interface Waiter<W> {
  readonly role: Role | undefined;
  /** smaller came earlier */
  readonly order: number;
  previous: W | null;
  next: W | null;
}

type Wish = Role | "either";

/** Two ends fit unless both ask for the same side of the inner TLS. */
const FITTING: Readonly<Record<Wish, readonly Wish[]>> = {
  client: ["server", "either"],
  server: ["client", "either"],
  either: ["client", "server", "either"],
};

// One queue for each wish, so that many who ask for the same side are never searched through; linked, so that whoever waits
// alone at its place, as most do, costs no collection.
export class WaitingSide<W extends Waiter<W>> {
  readonly #oldest: Record<Wish, W | null> = { client: null, server: null, either: null };
  readonly #newest: Record<Wish, W | null> = { client: null, server: null, either: null };
  /** order of the last peer that asked for this side, and found nobody who fitted */
  readonly #unmatched: Record<Role, number> = { client: Number.NEGATIVE_INFINITY, server: Number.NEGATIVE_INFINITY };

  get isEmpty(): boolean {
    return this.#oldest.client === null && this.#oldest.server === null && this.#oldest.either === null;
  }

  *[Symbol.iterator](): Generator<W> {
    for (const first of Object.values(this.#oldest)) {
      for (let waiter = first; waiter !== null; waiter = waiter.next) yield waiter;
    }
  }

  add(waiter: W): void {
    const wish = waiter.role ?? "either";
    const [oldest, newest] = [this.#oldest[wish], this.#newest[wish]];
    if (oldest !== null && oldest.order > waiter.order) {
      waiter.next = oldest;
      oldest.previous = waiter;
      this.#oldest[wish] = waiter;
      return;
    }
    // Behind the newest that came before it: the very newest, but for one that was taken out and is put back.
    let before = newest;
    while (before !== null && before.order > waiter.order) before = before.previous;
    const after = before === null ? oldest : before.next;
    waiter.previous = before;
    waiter.next = after;
    if (before === null) this.#oldest[wish] = waiter;
    else before.next = waiter;
    if (after === null) this.#newest[wish] = waiter;
    else after.previous = waiter;
  }

  /** `waiter` must be in here. */
  delete(waiter: W): void {
    const wish = waiter.role ?? "either";
    if (waiter.previous === null) this.#oldest[wish] = waiter.next;
    else waiter.previous.next = waiter.next;
    if (waiter.next === null) this.#newest[wish] = waiter.previous;
    else waiter.next.previous = waiter.previous;
    waiter.previous = null;
    waiter.next = null;
  }

  /** The oldest who fits an arrival of `role`. */
  oldestFitting(role: Role | undefined): W | null {
    let oldest: W | null = null;
    for (const wish of FITTING[role ?? "either"]) {
      const candidate = this.#oldest[wish];
      if (candidate !== null && (oldest === null || candidate.order < oldest.order)) oldest = candidate;
    }
    return oldest;
  }

  /** A peer came that asked for `role`, and found nobody who fitted. */
  noteUnmatched(role: Role, order: number): void {
    this.#unmatched[role] = order;
  }

  /** Whether a peer came, since `waiter` waits, that asked for the same side. */
  metConflict({ role, order }: W): boolean {
    return role !== undefined && this.#unmatched[role] > order;
  }

  hasWaiting(role: Role | undefined): boolean {
    return role !== undefined && this.#oldest[role] !== null;
  }
}
