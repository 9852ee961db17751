/** Totals since the daemon started, for `status`: counted from the relay's events. */
import type { DaemonEvent } from "./daemon-event.ts";

export class Counters {
  admitted = 0;
  sessions = 0;
  /** of the sessions that have ended; those under way are added where they are shown */
  endedBytes = 0;
  readonly refused: Record<string, number> = {};

  count(event: DaemonEvent): void {
    switch (event.event) {
      case "admitted":
        this.admitted++;
        break;
      case "paired":
        this.sessions++;
        break;
      case "ended":
        this.endedBytes += event.bytes[0] + event.bytes[1];
        break;
      case "refused":
      case "dropped":
        this.refused[event.reason] = (this.refused[event.reason] ?? 0) + 1;
        break;
      case "departed":
      case "wake":
      case "woken":
        break;
    }
  }
}
