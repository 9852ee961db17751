/** Joins pairs in the data plane: each pair once, whichever of its ends asks first. */
import { otherRole } from "@serverless-relay/protocol";
import type { Bandwidth } from "./bandwidth.ts";
import { endOf, type Held, headFor } from "./held.ts";
import { newId } from "./ids.ts";
import type { Joined } from "./live-sessions.ts";
import type { Pair } from "./pairing/rendezvous.ts";
import { roleOfSecond } from "./pairing/roles.ts";
import { type Route, routeKey } from "./pairing/routes.ts";
import type { LiveSession } from "./relay-view.ts";
import type { DataPlane } from "./splice/plane.ts";

export class Joins {
  readonly #plane: DataPlane;
  readonly #bandwidth: Bandwidth;
  readonly #mayMeet: (pair: Pair<Held>) => boolean;
  readonly #onJoined: (joined: Joined, pair: Pair<Held>) => void;
  readonly #joins = new WeakMap<Pair<Held>, Promise<Joined | null>>();
  readonly #underWay = new Map<Promise<Joined | null>, Route>();

  /**
   * `mayMeet` is asked just before the two are joined; `onJoined` is called once for each session, before either end hears of it.
   */
  constructor(
    plane: DataPlane,
    bandwidth: Bandwidth,
    mayMeet: (pair: Pair<Held>) => boolean,
    onJoined: (joined: Joined, pair: Pair<Held>) => void,
  ) {
    this.#plane = plane;
    this.#bandwidth = bandwidth;
    this.#mayMeet = mayMeet;
    this.#onJoined = onJoined;
  }

  /** The pair's session; null if one of the two has vanished, or they may not meet. */
  of(pair: Pair<Held>): Promise<Joined | null> {
    const known = this.#joins.get(pair);
    if (known !== undefined) return known;
    const join = this.#join(pair).finally(() => this.#underWay.delete(join));
    this.#joins.set(pair, join);
    this.#underWay.set(join, pair.first.route);
    return join;
  }

  /** Those that are not made yet, on one route or on all. */
  underWay(on?: Route): Promise<Joined | null>[] {
    const joins = [...this.#underWay];
    return joins.filter(([, route]) => on === undefined || isSame(route, on)).map(([join]) => join);
  }

  /** Resolves when those that are under way have been made, or have failed. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.underWay());
  }

  async #join(pair: Pair<Held>): Promise<Joined | null> {
    if (!this.#mayMeet(pair)) return null;
    const { first, second } = pair;
    const id = pair.told?.session ?? newId();
    const role = roleOfSecond(pair);
    const ends = [endOf(first, otherRole(role)), endOf(second, role)] as const;
    const { route, channel } = first;
    const bandwidth = this.#bandwidth.share(route, [first.name, second.name]);
    const session = await this.#plane.join(
      first.leg,
      headFor(first, ends[0], id, second),
      second.leg,
      headFor(second, ends[1], id, first),
      bandwidth.throttles,
    );
    if (session === null) {
      bandwidth.release();
      return null;
    }
    void session.ended.then(() => bandwidth.release());
    const live: LiveSession = {
      id,
      route,
      channel,
      startedAt: Date.now(),
      ends,
      get bytes() {
        return session.bytes;
      },
    };
    const identities = [first.identity, second.identity] as const;
    const stays = [first.stay, second.stay] as const;
    const joined: Joined = { live, session, bandwidth, identities, stays, blamed: null };
    this.#onJoined(joined, pair);
    return joined;
  }
}

function isSame(one: Route, other: Route): boolean {
  return routeKey(one.f1, one.f2) === routeKey(other.f1, other.f2);
}
