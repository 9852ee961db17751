/**
 * What survives a restart: the routes that were added at run time, and the port that each route's listener was given. A
 * route is an unordered pair: {b, a} and {a, b} are the same key, in every method. Static routes are not kept here
 * (the configuration has them), but their ports are.
 */

import type { RouteOptions } from "@serverless-relay/core";
import type { Hooks } from "../wake/target.ts";

export interface RouteRecord extends RouteOptions {
  /** in the order in which they were given: f1 is the TLS client where neither end asks for a role */
  readonly f1: string;
  readonly f2: string;
  /** ISO 8601 */
  readonly createdAt: string;
  /** as asked for with the route; absent if it was not */
  readonly protocol?: "connect" | "bare" | "plain" | undefined;
  readonly port?: number | undefined;
  /** by what each end is invoked when the other waits for it */
  readonly wake?: Hooks | undefined;
}

/** Every method may throw or reject with StoreError, and with nothing else. */
export interface RouteStore {
  /**
   * Every route, in the order of the keys, read one by one. What was acknowledged is there; a change still on its way may be.
   * Not to be held on to: it is gone through at once.
   */
  all(): Iterable<RouteRecord>;
  /** Adds the route or takes the place of the one there is. Durable once resolved: it survives kill -9 and power loss. */
  put(record: RouteRecord): Promise<void>;
  /** Durable once resolved, as with `put`. False if there is no such route. Its kept port stays kept. */
  delete(f1: string, f2: string): Promise<boolean>;
  /** The port that was last kept for the route, whether or not there is such a route here. */
  portOf(f1: string, f2: string): number | undefined;
  /** Durable once resolved. */
  keepPort(f1: string, f2: string, port: number): Promise<void>;
  /** Durable once resolved. Fine if no port was kept. */
  releasePort(f1: string, f2: string): Promise<void>;
  /** Waits for what is on its way. Once closed, the store is not used again; closing again does nothing. */
  close(): Promise<void>;
}

/** The store's key of a route: the two names in one fixed order. */
export type RouteKey = [string, string];

export function routeKey(f1: string, f2: string): RouteKey {
  return f1 <= f2 ? [f1, f2] : [f2, f1];
}

/** The store cannot be opened, read or written. The message is "PATH: what is wrong; what to do". */
export class StoreError extends Error {
  override readonly name = "StoreError";

  constructor(path: string, what: string, cause?: unknown) {
    super(`${path}: ${what}`, { cause });
  }
}
