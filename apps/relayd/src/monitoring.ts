/** Metrics, health and readiness, where the configuration asks for them. They are there first, and gone last. */
import type { Config } from "./config/schema.ts";
import type { DaemonParts } from "./daemon-parts.ts";
import type { Metrics } from "./metrics/metrics.ts";
import { type MetricsServer, openMetricsServer } from "./metrics/server.ts";
import { readyRemarks, unreadyReasons } from "./readiness.ts";
import { viewStatus } from "./status-view.ts";

export class Monitoring {
  readonly #metrics: Metrics;
  readonly #server: MetricsServer;

  private constructor(metrics: Metrics, server: MetricsServer) {
    this.#metrics = metrics;
    this.#server = server;
  }

  /** Null where it is not asked for. Throws ListenError, with nothing left open. */
  static async open({ metrics: asked }: Config, parts: DaemonParts): Promise<Monitoring | null> {
    if (asked === undefined) return null;
    // Only here: who does not ask for metrics need not wait for their library, nor have it in memory.
    const { Metrics } = await import("./metrics/metrics.ts");
    const metrics = new Metrics({ status: () => viewStatus(parts), threads: () => parts.plane.threads() });
    try {
      const server = await openMetricsServer(asked.listen, {
        metrics,
        unready: () => unreadyReasons(viewStatus(parts)),
        remarks: () => readyRemarks(viewStatus(parts)),
      });
      parts.feed.attach((event) => metrics.count(event));
      parts.log.info({ listener: "metrics", ...server.address }, "listening");
      return new Monitoring(metrics, server);
    } catch (error) {
      metrics.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#server.close();
    this.#metrics.close();
  }
}
