/**
 * What happens to connections, counted from the relay's events. The labels are the closed sets of reasons, and never a
 * name or an address; each series is there, as 0, before anything has happened, so that its first increase is seen.
 */
import { CLOSE_REASONS, DROP_REASONS, type EndTransport } from "@serverless-relay/core";
import { REFUSALS } from "@serverless-relay/protocol";
import { Counter, Histogram, type Registry } from "prom-client";
import type { DaemonEvent } from "../daemon-event.ts";
import { WAKE_OUTCOMES } from "../wake/event.ts";

const TRANSPORTS: readonly EndTransport[] = ["raw", "tls", "plain"];
/** How a stay in the park can end. */
const PARK_OUTCOMES = ["paired", "departed", "refused"] as const;

const ADMISSION_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const PARKED_SECONDS = [0.01, 0.05, 0.25, 1, 5, 15, 60, 300, 900];
const WOKEN_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];
const SESSION_SECONDS = [0.1, 1, 10, 60, 300, 1_800, 7_200, 28_800, 86_400];

export class EventMetrics {
  readonly #admitted: Tallies;
  readonly #refused: Tallies;
  readonly #dropped: Tallies;
  readonly #ended: Tallies;
  readonly #paired: Counter;
  readonly #departed: Counter;
  readonly #admission: Timings;
  readonly #parked: Timings;
  readonly #session: Histogram;
  readonly #wakes: Tallies;
  readonly #woken: Histogram;

  constructor(registry: Registry) {
    const counter = (name: string, help: string, labelNames: readonly string[] = []) =>
      new Counter({ name, help, labelNames, registers: [registry] });
    const histogram = (name: string, help: string, buckets: number[], labelNames: readonly string[] = []) =>
      new Histogram({ name, help, buckets, labelNames, registers: [registry] });

    this.#admitted = new Tallies(
      counter("relayd_admitted_total", "Connections that were admitted.", ["transport"]),
      "transport",
      TRANSPORTS,
    );
    this.#refused = new Tallies(
      counter("relayd_refused_total", "Connections that were answered with a refusal.", ["reason", "limit"]),
      "reason",
      Object.keys(REFUSALS),
    );
    this.#dropped = new Tallies(
      counter("relayd_dropped_total", "Connections that were ended without an answer.", ["reason", "limit"]),
      "reason",
      DROP_REASONS,
    );
    this.#departed = counter("relayd_departed_total", "Parked clients that went away before their peer came.");
    this.#paired = counter("relayd_sessions_total", "Sessions that began.");
    this.#ended = new Tallies(
      counter("relayd_sessions_ended_total", "Sessions that ended.", ["reason"]),
      "reason",
      CLOSE_REASONS,
    );
    this.#admission = new Timings(
      histogram("relayd_admission_seconds", "From accept to admitted.", ADMISSION_SECONDS, ["transport"]),
      "transport",
      TRANSPORTS,
    );
    this.#parked = new Timings(
      histogram("relayd_parked_seconds", "How long the parked waited, by how that ended.", PARKED_SECONDS, ["outcome"]),
      "outcome",
      PARK_OUTCOMES,
    );
    this.#session = histogram("relayd_session_seconds", "How long sessions lasted.", SESSION_SECONDS);
    this.#wakes = new Tallies(
      counter("relayd_wakes_total", "Requests to wake a function, by how they ended.", ["outcome"]),
      "outcome",
      WAKE_OUTCOMES,
    );
    const took = "How long functions took to come, from the first request to wake them.";
    this.#woken = histogram("relayd_woken_seconds", took, WOKEN_SECONDS);
  }

  count(event: DaemonEvent): void {
    switch (event.event) {
      case "admitted":
        this.#admitted.add(event.transport);
        this.#admission.add(event.transport, event.durationMs);
        break;
      case "refused":
        this.#refused.add(event.reason, limitOf(event));
        if (event.parked) this.#parked.add("refused", event.durationMs);
        break;
      case "dropped":
        this.#dropped.add(event.reason, limitOf(event));
        break;
      case "departed":
        this.#departed.inc();
        this.#parked.add("departed", event.durationMs);
        break;
      case "paired":
        this.#paired.inc();
        this.#parked.add("paired", event.waitedMs);
        break;
      case "ended":
        this.#ended.add(event.reason);
        this.#session.observe(event.durationMs / 1000);
        break;
      case "wake":
        this.#wakes.add(event.outcome);
        break;
      case "woken":
        this.#woken.observe(event.afterMs / 1000);
        break;
    }
  }
}

/** The key of the configuration that sets the limit which was met, where one was. */
function limitOf(event: DaemonEvent): string {
  return "limit" in event ? String(event.limit) : "";
}

/** A counter with a child for each of a closed set of values, made once: an event then makes no object of labels. */
class Tallies {
  readonly #counter: Counter;
  readonly #label: string;
  readonly #children = new Map<string, Counter.Internal>();

  constructor(counter: Counter, label: string, values: readonly string[]) {
    this.#counter = counter;
    this.#label = label;
    for (const value of values) this.#child(value, "").inc(0);
  }

  add(value: string, limit = ""): void {
    this.#child(value, limit).inc();
  }

  /** Limits are keys of the configuration, and so few: a child is made for each that was met. */
  #child(value: string, limit: string): Counter.Internal {
    const key = limit === "" ? value : `${value} ${limit}`;
    const known = this.#children.get(key);
    if (known !== undefined) return known;
    const child = this.#counter.labels({ [this.#label]: value, ...(limit === "" ? {} : { limit }) });
    this.#children.set(key, child);
    return child;
  }
}

/** A histogram with one label, of a closed set of values. */
class Timings {
  readonly #children: ReadonlyMap<string, Histogram.Internal<string>>;

  constructor(histogram: Histogram, label: string, values: readonly string[]) {
    for (const value of values) histogram.zero({ [label]: value });
    this.#children = new Map(values.map((value) => [value, histogram.labels({ [label]: value })]));
  }

  add(value: string, ms: number): void {
    this.#children.get(value)?.observe(ms / 1000);
  }
}
