/** Puts a configuration that was read and found good in force: all that can be changed, in one turn of the event loop. */
import type { Relay } from "@serverless-relay/core";
import type { Logger } from "pino";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Materials } from "../config/files.ts";
import type { Config } from "../config/schema.ts";
import { limitsOf } from "../limits.ts";
import type { RouteBook } from "../route-book.ts";
import type { StaticChanges } from "../static-routes.ts";
import type { Wakes } from "../wake/wakes.ts";
import { changedKeys, type Settings } from "./changes.ts";

/** What it works on, of the daemon. */
export interface Reloadable {
  config: Config;
  materials: Materials;
  readonly relay: Relay;
  readonly book: RouteBook;
  readonly wakes: Wakes;
  readonly cluster: Pick<Cluster, "setCredentials"> | null;
  readonly log: Logger;
  readonly audit: AuditLog | null;
}

export interface PutInForce {
  readonly changed: readonly string[];
  readonly routes: StaticChanges;
  /** parked clients, and sessions, whose certificates are no longer good */
  readonly refused: number;
  readonly ended: number;
}

/** Throws ListenError or NoPortLeft if a new static route cannot be given its listener; then nothing has changed. */
export async function putInForce(parts: Reloadable, next: Settings): Promise<PutInForce> {
  const { relay, book, log } = parts;
  const changed = changedKeys(parts, next);
  let review = Promise.resolve({ refused: 0, ended: 0 });
  const routes = await book.replaceStatic(next.config.routes, () => {
    const { onRevoked, onExpired } = next.config.sessions;
    // First, for they alone may throw; what they are given was tried when it was read.
    if (changed.some((key) => key.startsWith("cluster.tls."))) renewCluster(parts, next);
    if (changed.some(concernsCertificates)) review = relay.setCredentials(next.materials, { onRevoked, onExpired });
    if (changed.some(concernsLimits)) relay.setLimits(limitsOf(next.config));
    if (changed.includes("log.level")) log.level = next.config.log.level;
    parts.config = next.config;
    parts.materials = next.materials;
  });
  parts.wakes.reconsider();
  return { changed, routes, ...(await review) };
}

function renewCluster({ cluster }: Reloadable, { config, materials }: Settings): void {
  if (config.cluster && materials.cluster) cluster?.setCredentials(materials.cluster, config.cluster.tls.names);
}

function concernsLimits(key: string): boolean {
  return ["limits.", "pairing.", "sessions."].some((group) => key.startsWith(group));
}

function concernsCertificates(key: string): boolean {
  return key.startsWith("tls.") || key === "sessions.onRevoked" || key === "sessions.onExpired";
}
