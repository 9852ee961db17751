/** Who waits for a time to come: a binary heap, the next one due first. */

interface Wait<Who> {
  readonly who: Who;
  /** ms, as `monotonicMs()` */
  readonly at: number;
}

export class WaitingList<Who> {
  #heap: Wait<Who>[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** When the first of them is due, in ms; Infinity where nobody waits. */
  get next(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  add(who: Who, at: number): void {
    this.#heap.push({ who, at });
    this.#rise(this.#heap.length - 1);
  }

  /** Takes out the first one that is due by `now`. */
  takeDue(now: number): Who | undefined {
    const [first] = this.#heap;
    if (first === undefined || first.at > now) return undefined;
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    return first.who;
  }

  /** Asks of each anew when it is due. */
  retime(dueAt: (who: Who) => number): void {
    const old = this.#heap;
    this.#heap = [];
    for (const { who } of old) this.add(who, dueAt(who));
  }

  remove(who: Who): void {
    const index = this.#heap.findIndex((wait) => wait.who === who);
    if (index === -1) return;
    const last = this.#heap.pop();
    if (last === undefined || index === this.#heap.length) return;
    this.#heap[index] = last;
    this.#rise(index);
    this.#sink(index);
  }

  #rise(from: number): void {
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (this.#at(above) <= this.#at(index)) return;
      this.#swap(above, index);
      index = above;
    }
  }

  #sink(from: number): void {
    let index = from;
    for (;;) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      const least = this.#at(right) < this.#at(left) ? right : left;
      if (this.#at(least) >= this.#at(index)) return;
      this.#swap(least, index);
      index = least;
    }
  }

  #at(index: number): number {
    return this.#heap[index]?.at ?? Number.POSITIVE_INFINITY;
  }

  #swap(one: number, other: number): void {
    const [a, b] = [this.#heap[one], this.#heap[other]];
    if (a === undefined || b === undefined) return;
    this.#heap[one] = b;
    this.#heap[other] = a;
  }
}
