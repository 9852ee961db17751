/** One line of log for each thing that happens to a connection; the reasons are fields, so that they can be searched for. */
import type { Logger } from "pino";
import type { DaemonEvent } from "./daemon-event.ts";

const MESSAGES: Readonly<Record<DaemonEvent["event"], string>> = {
  admitted: "admitted",
  refused: "refused",
  dropped: "dropped",
  departed: "left before its peer came",
  paired: "paired",
  ended: "session ended",
  wake: "a function was to be woken",
  woken: "a function that was woken has come",
};

export function logEvent(log: Logger, event: DaemonEvent): void {
  log.info(event, MESSAGES[event.event]);
}
