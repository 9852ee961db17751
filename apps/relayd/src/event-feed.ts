/** Where the relay's events, and those of wakes, go: into the counters, into the log, to whoever was attached at the start, and to whoever has subscribed at the control socket. */
import type * as api from "@serverless-relay/control-api";
import type { Logger } from "pino";
import { Counters } from "./counters.ts";
import type { DaemonEvent } from "./daemon-event.ts";
import { logEvent } from "./event-log.ts";
import { RecentRefusals } from "./why/recent-refusals.ts";

export class EventFeed {
  readonly counters = new Counters();
  readonly refusals = new RecentRefusals();
  readonly #log: Logger;
  readonly #observers: ((event: DaemonEvent) => void)[] = [];
  readonly #subscribers = new Set<(event: api.ControlEvent) => void>();

  constructor(log: Logger) {
    this.#log = log;
  }

  readonly observe = (event: DaemonEvent): void => {
    this.counters.count(event);
    this.refusals.note(event);
    logEvent(this.#log, event);
    for (const observer of this.#observers) observer(event);
    if (this.#subscribers.size === 0) return;
    const told = { time: new Date().toISOString(), ...event };
    for (const subscriber of this.#subscribers) subscriber(told);
  };

  /** For good. The observer must not throw. */
  attach(observer: (event: DaemonEvent) => void): void {
    this.#observers.push(observer);
  }

  /** The listener must not throw. Once unsubscribed, it is not called again. */
  subscribe(listener: (event: api.ControlEvent) => void): () => void {
    this.#subscribers.add(listener);
    return () => this.#subscribers.delete(listener);
  }
}
