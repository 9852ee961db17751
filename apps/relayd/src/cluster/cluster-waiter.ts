/** A function that is parked here, as the claim protocol knows it. There is one for each, so it is small. */
import { type Grant, peerPlaceOf, placeOf, type Waiter } from "@serverless-relay/cluster";
import type { Seeker } from "@serverless-relay/core";

export class ClusterWaiter implements Waiter {
  readonly id: string;
  readonly place: string;
  readonly peerPlace: string;
  readonly seeker: Seeker;
  readonly #meet: (seeker: Seeker, grant: Grant) => Promise<void>;

  /** @param meet the same function for all of them */
  constructor(id: string, seeker: Seeker, meet: (seeker: Seeker, grant: Grant) => Promise<void>) {
    const { route, channel, name } = seeker;
    const spot = { f1: route.f1, f2: route.f2, channel, name };
    this.id = id;
    this.place = placeOf(spot);
    this.peerPlace = peerPlaceOf(spot);
    this.seeker = seeker;
    this.#meet = meet;
  }

  get role(): Waiter["role"] {
    return this.seeker.role;
  }

  take(): boolean {
    return this.seeker.take();
  }

  putBack(): void {
    this.seeker.putBack();
  }

  noteConflict(): void {
    this.seeker.noteConflict();
  }

  noteNobody(): void {
    this.seeker.noteNobody();
  }

  meet(grant: Grant): Promise<void> {
    return this.#meet(this.seeker, grant);
  }
}
