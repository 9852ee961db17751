/** What systemd is told of a relayd that runs: that it is ready, how it is doing, and that it is alive. */
import type { DaemonParts } from "../daemon-parts.ts";
import { type WatchdogEnvironment, watch, watchdogInterval } from "./watchdog.ts";

/** People look at `systemctl status` now and then. */
const STATUS_MS = 5_000;

/** Says that relayd is ready, and goes on from there. Returns how to stop. */
export function reportToSystemd(parts: DaemonParts, env: WatchdogEnvironment): () => void {
  const { notifier, plane } = parts;
  if (!notifier.isHeard) return () => {};
  const tellStatus = () => notifier.status(statusLine(parts));
  tellStatus();
  notifier.ready();
  const status = setInterval(tellStatus, STATUS_MS);
  const interval = watchdogInterval(env, process.pid);
  const unwatch =
    interval === null
      ? () => {}
      : watch(
          interval,
          () => plane.turned(),
          () => notifier.alive(),
        );
  return () => {
    clearInterval(status);
    unwatch();
    notifier.close();
  };
}

function statusLine({ relay, book }: DaemonParts): string {
  const sessions = `${relay.sessionCount} sessions, ${relay.parkedCount} parked`;
  if (relay.draining === null) return `Serving ${book.size} routes: ${sessions}`;
  return `Draining until ${new Date(relay.draining.deadline).toISOString()}: ${sessions}`;
}
