/**
 * What watches relayd, where the configuration asks for it: metrics, health and readiness, and the audit log. They are
 * there first, and gone last.
 */
import { AuditLog } from "./audit/audit-log.ts";
import type { Config } from "./config/schema.ts";
import type { DaemonParts } from "./daemon-parts.ts";
import type { Metrics } from "./metrics/metrics.ts";
import { type MetricsServer, openMetricsServer } from "./metrics/server.ts";
import { readyRemarks, unreadyReasons } from "./readiness.ts";
import { viewStatus } from "./status-view.ts";
import { version } from "./version.ts";
import { wakingReading } from "./wake/waking-reading.ts";

export class Monitoring {
  audit: AuditLog | null = null;
  readonly #parts: DaemonParts;
  #metrics: Metrics | null = null;
  #server: MetricsServer | null = null;

  private constructor(parts: DaemonParts) {
    this.#parts = parts;
  }

  /** Throws AuditError or ListenError, with nothing left open. */
  static async open({ metrics, audit }: Config, parts: DaemonParts): Promise<Monitoring> {
    const monitoring = new Monitoring(parts);
    try {
      if (audit !== undefined) await monitoring.#openAudit(audit.file);
      if (metrics !== undefined) await monitoring.#openMetrics(metrics.listen);
      // Also without an audit log: Node itself would take the signal for a wish to be debugged.
      process.on("SIGUSR1", monitoring.#reopen);
      return monitoring;
    } catch (error) {
      await monitoring.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    process.off("SIGUSR1", this.#reopen);
    await this.#server?.close();
    this.#metrics?.close();
    this.audit?.note("stopped", {});
    await this.audit?.close();
  }

  async #openAudit(file: string): Promise<void> {
    const { feed, log, file: config } = this.#parts;
    this.audit = await AuditLog.open(file, log);
    this.audit.note("started", { version, pid: process.pid, config });
    feed.attach(this.audit.observe);
  }

  async #openMetrics(address: { readonly host: string; readonly port: number }): Promise<void> {
    const parts = this.#parts;
    // Only here: who does not ask for metrics need not wait for their library, nor have it in memory.
    const { Metrics } = await import("./metrics/metrics.ts");
    const metrics = new Metrics({
      status: () => viewStatus(parts),
      threads: () => parts.plane.threads(),
      others: [...(this.audit?.readings() ?? []), wakingReading(parts.wakes)],
    });
    this.#metrics = metrics;
    this.#server = await openMetricsServer(address, {
      metrics,
      unready: () => unreadyReasons(viewStatus(parts)),
      remarks: () => readyRemarks(viewStatus(parts)),
    });
    parts.feed.attach((event) => metrics.count(event));
    parts.log.info({ listener: "metrics", ...this.#server.address }, "listening");
  }

  readonly #reopen = (): void => {
    void this.audit?.reopen();
  };
}
