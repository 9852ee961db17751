/** The portable data plane, on Node streams. It carries transport tls on every platform. */
import type { Link } from "../../link.ts";
import { Allowance } from "../allowance.ts";
import { AnswerWatch, type Tcp } from "../answers.ts";
import type { DataPlane, Leg, Session, ThreadVitals, Throttle } from "../plane.ts";
import { bucketsOf, SharedThrottle } from "../throttle.ts";
import { monotonicMs } from "../token-bucket.ts";
import { StreamLeg } from "./leg.ts";
import { StreamSession } from "./session.ts";

export class StreamPlane implements DataPlane {
  readonly kind = "stream";
  readonly #parked = new Set<StreamLeg>();
  readonly #sessions = new Set<StreamSession>();
  readonly #tcp: Tcp | null;
  readonly #answers = new AnswerWatch((withinMs) => {
    const now = monotonicMs();
    if (this.#tcp !== null) for (const session of this.#sessions) session.endUnanswered(this.#tcp, withinMs, now);
  });

  /** @param tcp null: whoever does not answer any more is left to the system's own timeouts */
  constructor(tcp: Tcp | null = null) {
    this.#tcp = tcp;
  }

  get answerWithinMs(): number {
    return this.#answers.withinMs;
  }

  set answerWithinMs(ms: number) {
    this.#answers.withinMs = ms;
  }

  park(link: Link, onDeparted: () => void): Leg {
    this.#tcp?.probe(link.socket, this.answerWithinMs);
    const leg = new StreamLeg(link, () => {
      this.#parked.delete(leg);
      onDeparted();
    });
    this.#parked.add(leg);
    return leg;
  }

  openThrottle(bytesPerSecond: number): Throttle {
    return new SharedThrottle(bytesPerSecond, () => this.retime());
  }

  /** The rate of a throttle has changed: whoever waits for its turn may have it at another time. */
  retime(): void {
    for (const session of this.#sessions) session.retime();
  }

  async join(
    first: Leg,
    firstHead: Buffer,
    second: Leg,
    secondHead: Buffer,
    throttles: readonly Throttle[] = [],
  ): Promise<Session | null> {
    const [one, other] = [this.#own(first), this.#own(second)];
    if (one.departed || other.departed) return null;
    this.#parked.delete(one);
    this.#parked.delete(other);
    const session = new StreamSession(one, firstHead, other, secondHead, Allowance.of(bucketsOf(throttles)));
    this.#sessions.add(session);
    void session.ended.then(() => this.#sessions.delete(session));
    return session;
  }

  dismiss(leg: Leg, words: Buffer): void {
    const own = this.#own(leg);
    this.#parked.delete(own);
    if (!own.departed) own.dismiss(words);
  }

  /** It has none: all is done in the main thread. */
  async turned(): Promise<void> {}

  threads(): readonly ThreadVitals[] {
    return [];
  }

  async close(): Promise<void> {
    this.#answers.close();
    for (const leg of this.#parked) leg.reset();
    for (const session of this.#sessions) session.end("shutdown");
    await Promise.all([...this.#sessions].map((session) => session.ended));
  }

  #own(leg: Leg): StreamLeg {
    if (leg instanceof StreamLeg) return leg;
    throw new TypeError("a leg of another data plane");
  }
}
