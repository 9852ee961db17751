/**
 * Which rates a session is subject to: its route's, and each of its functions'. A rate is there as long as sessions are
 * subject to it, and they share it.
 */
import { type Route, routeKey } from "./pairing/routes.ts";
import type { DataPlane, Session, Throttle } from "./splice/plane.ts";

/** Bytes per second, of all sessions of one route or function together, both directions. Absent: unlimited. */
export interface BandwidthLimits {
  readonly perFunction?: number | undefined;
  /** where the route's own options do not say */
  readonly perRoute?: number | undefined;
}

interface Shared {
  readonly throttle: Throttle;
  users: number;
}

/** What one session is subject to. Ends by `release`. */
export interface BandwidthShare {
  readonly throttles: readonly Throttle[];
  /** The route's options, or the limits, have changed: the session is subject to these from now on. */
  renew(session: Session, route: Route): void;
  release(): void;
}

export class Bandwidth {
  readonly #plane: DataPlane;
  /** by route or function */
  readonly #shared = new Map<string, Shared>();
  /** To be followed by `renew` of each share. */
  limits: BandwidthLimits;

  constructor(plane: DataPlane, limits: BandwidthLimits) {
    this.#plane = plane;
    this.limits = limits;
  }

  /** @param names of both ends; null behind a plain listener, where nobody is verified */
  share(route: Route, names: readonly (string | null)[]): BandwidthShare {
    let held = this.#acquire(this.#ratesOf(route, names));
    const release = () => {
      for (const key of held.keys()) this.#leave(key);
      held = new Map();
    };
    let released = false;
    return {
      throttles: [...held.values()],
      renew: (session, changed) => {
        if (released) return;
        const before = [...held.keys()].join();
        const now = this.#acquire(this.#ratesOf(changed, names)); // first, for what is shared is kept by that
        release();
        held = now;
        if ([...now.keys()].join() !== before) session.throttle([...now.values()]);
      },
      release: () => {
        released = true;
        release();
      },
    };
  }

  #ratesOf({ f1, f2, options }: Route, names: readonly (string | null)[]): Map<string, number> {
    const { perFunction, perRoute } = this.limits;
    const rates = new Map<string, number>();
    const ofRoute = options?.bandwidth ?? perRoute;
    if (ofRoute !== undefined) rates.set(`route ${routeKey(f1, f2)}`, ofRoute);
    if (perFunction === undefined) return rates;
    for (const name of names) if (name !== null) rates.set(`function ${name}`, perFunction);
    return rates;
  }

  #acquire(rates: ReadonlyMap<string, number>): Map<string, Throttle> {
    const acquired = new Map<string, Throttle>();
    for (const [key, rate] of rates) {
      const shared = this.#shared.get(key) ?? { throttle: this.#plane.openThrottle(rate), users: 0 };
      shared.users++;
      this.#shared.set(key, shared);
      if (shared.throttle.rate !== rate) shared.throttle.setRate(rate);
      acquired.set(key, shared.throttle);
    }
    return acquired;
  }

  #leave(key: string): void {
    const shared = this.#shared.get(key);
    if (shared !== undefined && --shared.users === 0) this.#shared.delete(key);
  }
}
