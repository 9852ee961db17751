/**
 * The metrics of relayd, in Prometheus' text format. What happens is counted as it happens (event-metrics.ts); how things
 * are is read when somebody asks. docs/metrics.md says what each of them means.
 */
import type { Status } from "@serverless-relay/control-api";
import type { ThreadVitals } from "@serverless-relay/core";
import { Registry } from "prom-client";
import type { DaemonEvent } from "../daemon-event.ts";
import { EventMetrics } from "./event-metrics.ts";
import { addProcessMetrics } from "./process-metrics.ts";
import { addReading, type Reading } from "./reading.ts";
import { addStateMetrics } from "./state-metrics.ts";
import { addThreadMetrics, watchMainLoop } from "./thread-metrics.ts";

export interface MetricsSources {
  /** asked once for each scrape */
  status(): Status;
  threads(): readonly ThreadVitals[];
  /** further ones, of parts of relayd that this room does not know */
  readonly others?: readonly Reading[];
}

export class Metrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #registry = new Registry();
  readonly #events: EventMetrics;
  readonly #sources: MetricsSources;
  readonly #stopWatching: () => void;
  #status: Status | null = null;

  constructor(sources: MetricsSources) {
    this.#sources = sources;
    this.#events = new EventMetrics(this.#registry);
    addStateMetrics(this.#registry, () => this.#status ?? sources.status());
    addThreadMetrics(this.#registry, () => sources.threads());
    for (const reading of sources.others ?? []) addReading(this.#registry, reading);
    addProcessMetrics(this.#registry);
    this.#stopWatching = watchMainLoop(this.#registry);
  }

  /** Called for every event of the relay. */
  count(event: DaemonEvent): void {
    this.#events.count(event);
  }

  async text(): Promise<string> {
    this.#status = this.#sources.status();
    return this.#registry.metrics();
  }

  close(): void {
    this.#stopWatching();
  }
}
