/**
 * Wakes one function, for as long as somebody waits for it at one place: one request at a time, again with growing pauses
 * where that fails, and again if the function that was invoked does not come.
 *
 *     idle ──needed──▶ pausing ──due──▶ asking ──ended──▶ pausing …
 *       ▲                 │                │
 *       └─── it came, or nobody waits ─────┘
 */
import { randomUUID } from "node:crypto";
import type { WakeConfig } from "../config/wake.ts";
import { messageOf } from "./cloud-event.ts";
import { CredentialsError, credentialFields, readCredentials } from "./credentials.ts";
import type { WakeEvent, WakeOutcome } from "./event.ts";
import { type Ended, Invocation } from "./invocation.ts";
import { allowing, notAllowed } from "./target.ts";

/** A function that is missing: at which place, and how long who waits for it will wait. */
export interface Missing {
  readonly name: string;
  readonly peer: string;
  readonly route: readonly [string, string];
  readonly channel: string;
  /** of whoever has waited longest; `performance.now()`, as is the next */
  readonly waitingSince: number;
  readonly deadline: number;
}

/** What a waker works with. */
export interface WakerParts {
  /** in force just now; undefined: nothing is allowed */
  settings(): WakeConfig | undefined;
  /** of the route that there is just now; undefined if it has no hook for this function */
  target(): string | undefined;
  /** A place among the requests that are open at once; null if all are taken. */
  enter(): (() => void) | null;
  observe(event: WakeEvent): void;
  /** it has nothing to do, and nothing to remember, any more */
  onIdle(): void;
}

/** Of one wait, as `why` shows it; times in milliseconds since the epoch. */
export interface WakeState {
  readonly name: string;
  readonly since: number;
  readonly requests: number;
  readonly asking: boolean;
  readonly last: { readonly outcome: WakeOutcome; readonly status?: number; readonly detail?: string } | null;
  /** null: none is due */
  readonly nextAt: number | null;
}

/** After a failure; doubled each time. Its random part keeps wakes that failed together from trying together. */
const PAUSE_MS = { least: 500, most: 30_000 };
/** What an answer may ask for by Retry-After. */
const LONGEST_RETRY_AFTER_MS = 60_000;
/** When too many requests are open. */
const CROWDED_MS = 250;

/** What has been done for those who wait now. */
interface Effort {
  readonly since: number;
  /** of the CloudEvent: the same until a request has been accepted, so that a receiver can tell a repetition */
  id: string;
  requests: number;
  firstAt: number;
  accepted: number;
  last: WakeState["last"];
}

export class Waker {
  readonly #parts: WakerParts;
  #missing: Missing | null = null;
  #effort: Effort | null = null;
  #timer: NodeJS.Timeout | null = null;
  #dueAt = 0;
  #asking: Invocation | null = null;
  /** it is being asked, or about to be */
  #busy = false;
  /** those that were let go */
  readonly #open = new Set<Invocation>();
  #failures = 0;
  /** `performance.now()`: the pause outlasts those who wait, so that one who keeps coming back does not undo it */
  #notBefore = 0;
  #closed = false;

  constructor(parts: WakerParts) {
    this.#parts = parts;
  }

  get isIdle(): boolean {
    return this.#missing === null && this.#open.size === 0 && !this.#busy && performance.now() >= this.#notBefore;
  }

  /** null unless somebody waits, and there is a hook. */
  get state(): WakeState | null {
    if (this.#missing === null || this.#effort === null) return null;
    const { since, requests, last } = this.#effort;
    const nextAt = this.#timer === null ? null : wallClock(this.#dueAt);
    return { name: this.#missing.name, since: wallClock(since), requests, asking: this.#busy, last, nextAt };
  }

  /** Somebody waits for it. May be called again, when that has changed. */
  need(missing: Missing): void {
    if (this.#missing === null) this.#stopPausing(); // only what it remembers was to run out
    this.#missing = missing;
    if (this.#closed || this.#busy || this.#timer !== null) return;
    const settings = this.#parts.settings();
    if (settings === undefined || this.#parts.target() === undefined) {
      this.#effort = null;
      return;
    }
    this.#effort ??= newEffort();
    this.#pauseUntil(Math.max(missing.waitingSince + settings.after, this.#notBefore));
  }

  /** It came, or nobody waits for it any more. */
  rest(came: boolean): void {
    this.#stopPausing();
    const [missing, effort] = [this.#missing, this.#effort];
    this.#missing = null;
    this.#effort = null;
    if (came) this.#noteArrival(missing, effort);
    else this.#asking?.abandon();
    this.#goIdleLater();
  }

  /** The configuration, or the route, may be another one: what kept it from trying may be gone. */
  reconsider(): void {
    if (this.#missing === null) return;
    if (this.#effort?.last?.outcome !== "accepted") {
      this.#stopPausing();
      this.#failures = 0;
      this.#notBefore = 0;
    }
    this.need(this.#missing);
  }

  close(): void {
    this.#closed = true;
    this.#stopPausing();
    this.#asking?.abandon();
    for (const invocation of this.#open) invocation.abandon();
  }

  #noteArrival(missing: Missing | null, effort: Effort | null): void {
    this.#failures = 0;
    this.#notBefore = 0;
    const invocation = this.#asking;
    if (invocation !== null) {
      this.#asking = null;
      this.#busy = false; // whoever waits next has a request of its own
      this.#open.add(invocation);
      invocation.letGo(this.#parts.settings()?.invocation ?? 0);
    }
    if (missing === null || effort === null || effort.requests === 0) return;
    const afterMs = performance.now() - effort.firstAt;
    this.#parts.observe({ event: "woken", ...about(missing), requests: effort.requests, afterMs });
  }

  async #ask(missing: Missing, effort: Effort): Promise<void> {
    const settings = this.#parts.settings();
    const target = this.#parts.target();
    if (settings === undefined || target === undefined) {
      this.need(missing); // there is nothing to ask any more
      return;
    }
    const leave = this.#parts.enter();
    if (leave === null) {
      this.#pauseUntil(performance.now() + CROWDED_MS * (1 + Math.random()));
      return;
    }
    this.#busy = true;
    const begin = performance.now();
    const { id } = effort;
    const started = await this.#invoke(missing, effort, target, settings);
    let reported: Reported | null;
    if (started instanceof Invocation) {
      void started.closed.then(() => this.#onClosed(started, leave));
      reported = await started.ended;
    } else {
      leave();
      reported = started;
    }
    if (reported !== null) {
      const { outcome, status, detail } = reported;
      const durationMs = performance.now() - begin;
      this.#parts.observe({ event: "wake", ...about(missing), outcome, target, id, status, detail, durationMs });
    }
    if (started instanceof Invocation && this.#asking !== started) return; // it was let go
    this.#asking = null;
    this.#asked(effort, reported, settings);
  }

  #onClosed(invocation: Invocation, leave: () => void): void {
    leave();
    this.#open.delete(invocation);
    this.#goIdleLater();
  }

  /** The request, on its way; or why there is none; null if it is not wanted any more. Never rejects. */
  async #invoke(
    missing: Missing,
    effort: Effort,
    target: string,
    settings: WakeConfig,
  ): Promise<Invocation | Reported | null> {
    const allowed = allowing(target, settings.allow);
    if (allowed === null) return { outcome: "not_allowed", detail: notAllowed(target) };
    try {
      const credentials = await readCredentials(allowed);
      if (this.#effort !== effort || this.#closed) return null;
      const { id } = effort;
      const { waitingSince, deadline } = missing;
      const wanted = { id, ...about(missing), waitingSince: wallClock(waitingSince), deadline: wallClock(deadline) };
      const { headers, body } = messageOf(wanted);
      const message = { headers: { ...headers, ...credentialFields(credentials, { id, body }) }, body };
      this.#asking = new Invocation({ target, message, ca: credentials.ca, timeoutMs: settings.timeout });
      if (effort.requests++ === 0) effort.firstAt = performance.now();
      return this.#asking;
    } catch (error) {
      // Of TLS: a CA that cannot be read is found when it is used.
      const outcome = error instanceof CredentialsError ? "no_credentials" : "unreachable";
      return { outcome, detail: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Pauses, and then asks again if somebody still waits. */
  #asked(effort: Effort, reported: Reported | null, { again }: WakeConfig): void {
    this.#busy = false;
    if (reported !== null) this.#notBefore = performance.now() + this.#pauseAfter(effort, reported, again);
    if (this.#missing !== null) this.need(this.#missing);
    else this.#goIdleLater();
  }

  #pauseAfter(effort: Effort, { outcome, status, detail, retryAfterMs = 0 }: Reported, again: number): number {
    effort.last = { outcome, ...(status !== undefined && { status }), ...(detail !== undefined && { detail }) };
    if (outcome === "accepted") {
      this.#failures = 0;
      effort.id = randomUUID(); // that it was invoked, and did not come, is no repetition
      return jittered(again * 2 ** Math.min(effort.accepted++, 3));
    }
    const pause = jittered(Math.min(PAUSE_MS.least * 2 ** Math.min(this.#failures++, 16), PAUSE_MS.most));
    return Math.max(pause, Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS));
  }

  #pauseUntil(dueAt: number): void {
    this.#dueAt = dueAt;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        if (this.#missing !== null && this.#effort !== null) void this.#ask(this.#missing, this.#effort);
      },
      Math.max(0, dueAt - performance.now()),
    );
  }

  #stopPausing(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** When what it remembers is out of date, or at once. */
  #goIdleLater(): void {
    if (this.#closed || this.#missing !== null || this.#busy || this.#open.size > 0) return;
    this.#stopPausing();
    const left = this.#notBefore - performance.now();
    if (left <= 0) {
      this.#parts.onIdle();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#goIdleLater();
    }, left);
  }
}

type Reported = Omit<Ended, "outcome"> & { readonly outcome: WakeOutcome };

function newEffort(): Effort {
  return { since: performance.now(), id: randomUUID(), requests: 0, firstAt: 0, accepted: 0, last: null };
}

function about({ name, peer, route, channel }: Missing) {
  return { name, peer, route, channel };
}

/** Between half of it and all of it. */
function jittered(ms: number): number {
  return ms * (0.5 + Math.random() / 2);
}

function wallClock(monotonic: number): number {
  return performance.timeOrigin + monotonic;
}
