/** What the daemon is assembled of: daemon.ts fills it in, operations.ts works on it. */
import type { DataPlane, DrainTimes, Relay } from "@serverless-relay/core";
import type { Logger } from "pino";
import type { Cluster } from "./cluster/cluster.ts";
import type { Materials } from "./config/files.ts";
import type { Config } from "./config/schema.ts";
import type { EventFeed } from "./event-feed.ts";
import type { Listener } from "./listening/listener.ts";
import type { Reloader } from "./reload/reloader.ts";
import type { RouteBook } from "./route-book.ts";
import type { Notifier } from "./systemd/notifier.ts";
import type { Wakes } from "./wake/wakes.ts";

export interface DaemonParts {
  /** of the configuration */
  readonly file: string;
  /** Date.now() */
  readonly startedAt: number;
  /** in force; another one after a reload */
  readonly config: Config;
  readonly materials: Materials;
  readonly reloader: Reloader;
  readonly log: Logger;
  readonly feed: EventFeed;
  readonly plane: DataPlane;
  readonly relay: Relay;
  readonly book: RouteBook;
  readonly wakes: Wakes;
  /** systemd is told by it when the configuration is read anew, and when relayd ends */
  readonly notifier: Notifier;
  /** null: this relay is on its own */
  readonly cluster: Cluster | null;
  /** null until it is open */
  readonly shared: Listener | null;
  /** Begins to drain, and stops when that is over; again, with a timeout: sets the deadline anew. */
  drain(timeoutMs?: number): DrainTimes;
}
