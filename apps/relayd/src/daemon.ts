/**
 * relayd, assembled: store, relay, listeners and control API. It starts in an order in which nobody is served before
 * everything is in place, and stops in the reverse one. What an operator can ask of it is operations.ts.
 */
import { type DataPlane, type DrainTimes, openDataPlane, Relay } from "@serverless-relay/core";
import type { Logger } from "pino";
import type { AuditLog, Change } from "./audit/audit-log.ts";
import type { Cluster } from "./cluster/cluster.ts";
import type { Materials } from "./config/files.ts";
import type { LoadedConfig } from "./config/load.ts";
import { groupId } from "./config/read-only-socket.ts";
import type { Config } from "./config/schema.ts";
import { type ControlServer, openControlServer } from "./control/server.ts";
import { readOnlyAccess } from "./control/socket.ts";
import type { DaemonParts } from "./daemon-parts.ts";
import { EventFeed } from "./event-feed.ts";
import { limitsOf, warnOfOpenFiles } from "./limits.ts";
import { Listener } from "./listening/listener.ts";
import { RouteListeners } from "./listening/route-listeners.ts";
import { Monitoring } from "./monitoring.ts";
import { shareDescriptors } from "./open-files.ts";
import { Operations } from "./operations.ts";
import { Reloader } from "./reload/reloader.ts";
import { RouteBook } from "./route-book.ts";
import { viewListeners, viewSummary } from "./status-view.ts";
import { ClusterRouteStore } from "./store/cluster-route-store.ts";
import { openLmdbRouteStore } from "./store/lmdb-route-store.ts";
import type { RouteStore } from "./store/route-store.ts";
import type { InheritedSockets } from "./systemd/inherited.ts";
import type { Notifier } from "./systemd/notifier.ts";
import { hookOf } from "./wake/hooks.ts";
import { Wakes } from "./wake/wakes.ts";

/** What the daemon was started in. */
export interface Surroundings {
  readonly log: Logger;
  readonly notifier: Notifier;
  readonly inherited: InheritedSockets;
}

export class Daemon implements DaemonParts {
  readonly file: string;
  readonly startedAt = Date.now();
  config: Config;
  materials: Materials;
  readonly reloader: Reloader;
  readonly log: Logger;
  /** Settles when the daemon has stopped, whoever asked for it. */
  readonly stopped: Promise<void>;
  readonly feed: EventFeed;
  readonly plane: DataPlane;
  readonly relay: Relay;
  readonly book: RouteBook;
  readonly wakes: Wakes;
  readonly notifier: Notifier;
  /** null: this relay is on its own */
  readonly cluster: Cluster | null;
  shared: Listener | null = null;
  readonly #store: RouteStore;
  readonly #inherited: InheritedSockets;
  readonly #routeListeners: RouteListeners | null;
  readonly #stop: (result: Promise<void>) => void;
  readonly #controls: ControlServer[] = [];
  #monitoring: Monitoring | null = null;
  #closed: Promise<void> | null = null;

  private constructor(
    loaded: LoadedConfig,
    materials: Materials,
    store: RouteStore,
    plane: DataPlane,
    cluster: Cluster | null,
    { log, notifier, inherited }: Surroundings,
  ) {
    const { file, config } = loaded;
    this.file = file;
    this.materials = materials;
    this.plane = plane;
    this.log = log;
    this.notifier = notifier;
    this.#inherited = inherited;
    this.feed = new EventFeed(log);
    this.config = config;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.stopped = promise;
    this.#stop = resolve;
    this.#store = store;
    this.cluster = cluster;
    this.wakes = new Wakes({
      settings: () => this.config.wake,
      targetOf: (f1, f2, name) => {
        const route = this.book.find(f1, f2);
        return route && hookOf(route, name);
      },
      observe: this.feed.observe,
    });
    const { onRevoked, onExpired } = config.sessions;
    this.relay = new Relay({
      credentials: materials,
      plane,
      observe: this.feed.observe,
      limits: limitsOf(config),
      certificates: { onRevoked, onExpired },
      onSpent: (route) => this.book.removeSpent(route),
      onWaiting: this.wakes.onWaiting,
      ...(cluster && { elsewhere: cluster }),
    });
    const { perRoute } = config.listen;
    this.#routeListeners = perRoute === undefined ? null : new RouteListeners(perRoute, store, this.relay, inherited);
    this.book = new RouteBook(this.relay, store, perRoute, this.#routeListeners, log);
    this.reloader = new Reloader(this, loaded);
  }

  /** Serves once resolved. Throws StoreError, ClusterError, ListenError, NoPortLeft or ControlSocketError, with nothing left open. */
  static async start(loaded: LoadedConfig, materials: Materials, surroundings: Surroundings): Promise<Daemon> {
    const { log } = surroundings;
    const opened: { close(): Promise<void> }[] = [];
    try {
      const store = await openLmdbRouteStore(loaded.config.state.dir);
      opened.push(store);
      const shares = shareDescriptors();
      const { plane, fallback } = await openDataPlane({ ...loaded.config.splice, pipes: shares.pipes });
      opened.push(plane); // its threads would keep the process, that nobody then starts again
      if (fallback !== null) log.warn({ why: fallback }, "sessions are carried by streams, not in the kernel");
      warnOfOpenFiles(loaded.config, shares, log);
      const cluster = await joinCluster(loaded.config, materials, log);
      if (cluster !== null) opened.push(cluster);
      const routes = cluster === null ? store : new ClusterRouteStore(cluster.routes, store);
      const daemon = new Daemon(loaded, materials, routes, plane, cluster, surroundings);
      opened.splice(0, opened.length, { close: () => daemon.#close() }); // which closes all of them
      await daemon.#open();
      return daemon;
    } catch (error) {
      for (const each of opened.toReversed()) await each.close();
      throw error;
    }
  }

  /** Null where the configuration asks for none. */
  get audit(): AuditLog | null {
    return this.#monitoring?.audit ?? null;
  }

  /**
   * Stops admitting, and lets sessions end for `timeoutMs` (default: drain.timeout); then closes everything. So long, new
   * connections are told why they are refused. Again, with a timeout: sets the deadline anew.
   */
  drain(timeoutMs?: number): DrainTimes {
    const before = this.relay.draining;
    if (before !== null && timeoutMs === undefined) return before;
    const drained = this.relay.drain(timeoutMs ?? this.config.drain.timeout);
    if (before === null) this.#stop(drained.then(() => this.#closeAfterLastWords()));
    const times = this.relay.draining;
    if (times === null) throw new Error("a relay that drains knows since when");
    this.notifier.stopping(times.due);
    return times;
  }

  /** Resets whatever is left, and closes everything. */
  endNow(): Promise<void> {
    const closed = this.#close();
    this.#stop(closed);
    return closed;
  }

  async #open(): Promise<void> {
    this.#monitoring = await Monitoring.open(this.config, this);
    await this.book.load(this.config.routes);
    await this.cluster?.serve({
      book: this.book,
      observe: this.feed.observe,
      limits: limitsOf(this.config),
      summary: () => viewSummary(this),
    });
    await this.#openControl();
    const { listen } = this.config;
    this.shared = await Listener.open(
      "listen.shared",
      listen.shared,
      (socket) => this.relay.accept(socket, { protocol: "connect" }),
      this.#inherited.take("shared", listen.shared),
    );
    for (const socket of this.#inherited.unused(listen.perRoute?.ports)) {
      this.log.warn({ socket }, "a socket was handed over that nothing in the configuration asks for");
    }
    for (const { name, route, error, ...address } of viewListeners(this.shared, this.book)) {
      if (error === null) this.log.info({ listener: name, ...(route && { route }), ...address }, "listening");
      else this.log.error({ listener: name, route, ...address, error }, "a route's listener is down");
    }
    await this.reloader.watch();
  }

  async #openControl(): Promise<void> {
    const { socket, readOnlySocket, readOnlyGroup } = this.config.control;
    const operations = new Operations(this);
    const recordChange = (change: Change) => this.audit?.change(change);
    const inherited = this.#inherited.take("control", { path: socket });
    this.#controls.push(await openControlServer(socket, operations, this.log, { recordChange, inherited }));
    if (readOnlySocket === undefined) return;
    const access = readOnlyAccess(readOnlyGroup === undefined ? null : await groupId(readOnlyGroup));
    const handed = this.#inherited.take("control-ro", { path: readOnlySocket });
    const options = { recordChange, readOnly: true, access, inherited: handed };
    this.#controls.push(await openControlServer(readOnlySocket, operations, this.log, options));
  }

  /** Whoever has come to a listener shall hear why it is refused. */
  async #closeAfterLastWords(): Promise<void> {
    this.#stopListening();
    await this.relay.settled(LAST_WORDS_MS);
    await this.#close();
  }

  #stopListening(): void {
    this.shared?.close();
    this.#routeListeners?.close();
  }

  #close(): Promise<void> {
    this.#closed ??= this.#closeNow();
    return this.#closed;
  }

  async #closeNow(): Promise<void> {
    this.reloader.close();
    this.#stopListening();
    this.book.close();
    this.wakes.close();
    await this.relay.close();
    await this.cluster?.close();
    await Promise.all(this.#controls.map((control) => control.close()));
    await this.#store.close();
    await this.#monitoring?.close();
  }
}

/** For the handshakes under way when the last session has ended. */
const LAST_WORDS_MS = 1_000;

/** NATS's library is loaded only by those who have a cluster. */
async function joinCluster(config: Config, materials: Materials, log: Logger): Promise<Cluster | null> {
  if (config.cluster === undefined || materials.cluster === undefined) return null;
  const { Cluster } = await import("./cluster/cluster.ts");
  return await Cluster.open({ config: config.cluster, credentials: materials.cluster, log });
}
