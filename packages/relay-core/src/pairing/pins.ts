/**
 * Pins: an end of a route may be bound to public keys. Whoever takes it must hold one of them; for that end, and for no other,
 * the key then stands in for a CA that vouches.
 */
import type { Route } from "./routes.ts";

/** Of each end that is pinned, the keys that may take it: "sha256:" and 64 hexadecimal digits of the SubjectPublicKeyInfo. */
export interface Pins {
  readonly f1?: readonly string[] | undefined;
  readonly f2?: readonly string[] | undefined;
}

/** Somebody who has proved to hold the key of a certificate. */
export interface Caller {
  readonly names: readonly string[];
  /** as in Pins */
  readonly key: string;
  /** a CA of the relay vouches for the certificate */
  readonly verified: boolean;
}

/** The keys to which the end `name` of `route` is bound; null if it is not. On an {f, f} route either end's keys do. */
export function pinsOf({ f1, f2, options }: Route, name: string): readonly string[] | null {
  const pins = options?.pins;
  const ofF1 = name === f1 ? pins?.f1 : undefined;
  const ofF2 = name === f2 ? pins?.f2 : undefined;
  return ofF1 === undefined && ofF2 === undefined ? null : [...(ofF1 ?? []), ...(ofF2 ?? [])];
}

/** Whether the caller, whose certificate bears `name`, may take that end of `route`. */
export function mayTake(route: Route, name: string, caller: Caller): boolean {
  const pins = pinsOf(route, name);
  return pins === null ? caller.verified : pins.includes(caller.key);
}
