/**
 * The last refusals and drops of each function, as far as its certificate named it, for whoever asks why it does not meet its
 * peer. Promises: bounded, whatever comes from the network; what has been overcome by an admission is forgotten.
 */
import type { RelayEvent } from "@serverless-relay/core";
import type { DaemonEvent } from "../daemon-event.ts";

type TurnedAway = Extract<RelayEvent, { readonly event: "refused" | "dropped" }>;

export interface RecentRefusal {
  readonly name: string;
  /** whom it asked for, as far as it came to that */
  readonly peer: string | null;
  /** milliseconds since the epoch */
  readonly at: number;
  readonly address: string;
  readonly reason: TurnedAway["reason"];
  readonly detail: string | null;
}

/** Names that are remembered; the one that was heard of longest ago makes room. */
const NAMES = 1024;
const PER_NAME = 4;
/** Of a certificate that bears many. */
const NAMES_OF_ONE = 8;
const DETAIL_LENGTH = 200;

export class RecentRefusals {
  /** the latest last, both the names and the refusals of each */
  readonly #byName = new Map<string, readonly RecentRefusal[]>();

  note(event: DaemonEvent, now = Date.now()): void {
    if (event.event === "admitted" && event.name !== null) this.#forget(event.name, event.peer);
    if (event.event !== "refused" && event.event !== "dropped") return;
    for (const name of event.names.slice(0, NAMES_OF_ONE)) this.#add(refusalOf(event, name, now));
  }

  /** Those of `name` that concern its meeting `peer`, the latest first. */
  of(name: string, peer: string): RecentRefusal[] {
    const concerning = (this.#byName.get(name) ?? []).filter((it) => it.peer === null || it.peer === peer);
    return concerning.toReversed();
  }

  #add(refusal: RecentRefusal): void {
    const { name } = refusal;
    const earlier = this.#byName.get(name) ?? [];
    this.#byName.delete(name);
    this.#byName.set(name, [...earlier.slice(1 - PER_NAME), refusal]);
    const [oldest] = this.#byName.keys();
    if (this.#byName.size > NAMES && oldest !== undefined) this.#byName.delete(oldest);
  }

  /** It was admitted, so that whatever kept it out does so no longer. */
  #forget(name: string, peer: string | null): void {
    const refusals = this.#byName.get(name);
    if (refusals === undefined) return;
    const left = refusals.filter((it) => it.peer !== null && it.peer !== peer);
    if (left.length === 0) this.#byName.delete(name);
    else this.#byName.set(name, left);
  }
}

function refusalOf(event: TurnedAway, name: string, at: number): RecentRefusal {
  const { address, reason } = event;
  const detail = event.detail?.slice(0, DETAIL_LENGTH).split("\n", 1)[0] ?? null;
  return { name, peer: event.event === "refused" ? event.peer : null, at, address, reason, detail };
}
