/** All that the log, the event stream, the audit log and the metrics are told of. */
import type { RelayEvent } from "@serverless-relay/core";
import type { WakeEvent } from "./wake/event.ts";

export type DaemonEvent = RelayEvent | WakeEvent;
