/** Where a function waits, as a token that a subject can hold and that tells nothing of names. */
import { createHash } from "node:crypto";

export interface Spot {
  readonly f1: string;
  readonly f2: string;
  readonly channel: string;
  /** the name that waits there */
  readonly name: string;
}

/** The same at every relay, whichever of the two it calls f1. */
export function placeOf({ f1, f2, channel, name }: Spot): string {
  const [first, second] = f1 <= f2 ? [f1, f2] : [f2, f1];
  // None of these can contain a line feed, so that different spots never look the same.
  return createHash("sha256").update(`${first}\n${second}\n${channel}\n${name}`).digest("base64url");
}

/** Where the peer of whoever waits at `spot` waits. */
export function peerPlaceOf(spot: Spot): string {
  return placeOf({ ...spot, name: spot.name === spot.f1 ? spot.f2 : spot.f1 });
}
