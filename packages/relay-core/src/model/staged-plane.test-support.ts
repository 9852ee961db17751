/** A data plane that carries nothing: a test says when a join is done, and sees what each client was told. */
import type { Socket } from "node:net";
import type { Link } from "../link.ts";
import type { CloseReason, DataPlane, Leg, Session, SessionOutcome, Throttle } from "../splice/plane.ts";

export class StagedLeg implements Leg {
  readonly socket: Socket;
  departed = false;
  /** the head, or the last words, that it was sent */
  words = "";
  session: StagedSession | null = null;
  readonly #onDeparted: () => void;

  constructor(socket: Socket, onDeparted: () => void) {
    this.socket = socket;
    this.#onDeparted = onDeparted;
  }

  vanish(): void {
    this.departed = true;
    this.session?.finish("reset", 0);
    this.#onDeparted();
  }
}

export class StagedSession implements Session {
  readonly bytes = [0, 0] as const;
  readonly lastActive = Date.now();
  readonly #outcome = Promise.withResolvers<SessionOutcome>();
  /** why it has ended */
  reason: CloseReason | null = null;

  get ended(): Promise<SessionOutcome> {
    return this.#outcome.promise;
  }

  throttle(): void {}

  end(reason: CloseReason): void {
    this.finish(reason, null);
  }

  finish(reason: CloseReason, by: 0 | 1 | null): void {
    this.reason ??= reason;
    this.#outcome.resolve({ reason, by, bytes: this.bytes });
  }
}

export class StagedPlane implements DataPlane {
  answerWithinMs = 0;
  readonly kind = "stream";
  readonly legs: StagedLeg[] = [];
  /** under way, in the order in which they were asked for */
  readonly joins: (() => void)[] = [];

  threads(): readonly [] {
    return [];
  }

  async turned(): Promise<void> {}

  park(link: Link, onDeparted: () => void): StagedLeg {
    const leg = new StagedLeg(link.socket, onDeparted);
    this.legs.push(leg);
    return leg;
  }

  join(first: Leg, firstHead: Buffer, second: Leg, secondHead: Buffer): Promise<Session | null> {
    const { promise, resolve } = Promise.withResolvers<Session | null>();
    const [one, other] = [own(first), own(second)];
    this.joins.push(() => {
      if (one.departed || other.departed) return resolve(null);
      const session = new StagedSession();
      one.words += firstHead.toString();
      other.words += secondHead.toString();
      for (const leg of [one, other]) leg.session = session;
      resolve(session);
    });
    return promise;
  }

  openThrottle(rate: number): Throttle {
    return { rate, setRate() {} };
  }

  dismiss(leg: Leg, words: Buffer): void {
    if (!leg.departed) own(leg).words += words.toString();
  }

  async close(): Promise<void> {
    for (const { session } of this.legs) session?.end("shutdown");
  }
}

function own(leg: Leg): StagedLeg {
  if (leg instanceof StagedLeg) return leg;
  throw new TypeError("a leg of another data plane");
}
