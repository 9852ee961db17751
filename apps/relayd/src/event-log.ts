/** One line of log for each thing that happens to a connection; the reasons are fields, so that they can be searched for. */
import type { RelayEvent } from "@serverless-relay/core";
import type { Logger } from "pino";

const MESSAGES: Readonly<Record<RelayEvent["event"], string>> = {
  admitted: "admitted",
  refused: "refused",
  dropped: "dropped",
  departed: "left before its peer came",
  paired: "paired",
  ended: "session ended",
};

export function logEvent(log: Logger, event: RelayEvent): void {
  log.info(event, MESSAGES[event.event]);
}
