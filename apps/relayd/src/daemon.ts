/**
 * relayd, assembled: store, relay, listeners and control API. It starts in an order in which nobody is served before
 * everything is in place, and stops in the reverse one.
 */
import type * as api from "@serverless-relay/control-api";
import { type DataPlane, openDataPlane, Relay, type RelayEvent } from "@serverless-relay/core";
import type { Logger } from "pino";
import type { Materials } from "./config/files.ts";
import type { LoadedConfig } from "./config/load.ts";
import type { Config } from "./config/schema.ts";
import { type ControlServer, openControlServer } from "./control/server.ts";
import type { ControlTarget } from "./control/target.ts";
import { Counters } from "./counters.ts";
import { logEvent } from "./event-log.ts";
import { Listener } from "./listening/listener.ts";
import { RouteListeners } from "./listening/route-listeners.ts";
import { shareDescriptors } from "./open-files.ts";
import { RouteBook } from "./route-book.ts";
import { openLmdbRouteStore } from "./store/lmdb-route-store.ts";
import type { RouteStore } from "./store/route-store.ts";
import { version } from "./version.ts";
import { countByRoute, viewCertificate, viewListener, viewParked, viewRoute, viewSession } from "./views.ts";

export class Daemon implements ControlTarget {
  readonly #file: string;
  readonly #config: Config;
  readonly #materials: Materials;
  readonly #log: Logger;
  readonly #startedAt = Date.now();
  readonly #counters = new Counters();
  readonly #plane: DataPlane;
  readonly #subscribers = new Set<(event: api.ControlEvent) => void>();
  readonly #relay: Relay;
  readonly #store: RouteStore;
  readonly #routeListeners: RouteListeners | null;
  readonly #book: RouteBook;
  #shared: Listener | null = null;
  #control: ControlServer | null = null;

  private constructor(
    { file, config }: LoadedConfig,
    materials: Materials,
    store: RouteStore,
    plane: DataPlane,
    log: Logger,
  ) {
    this.#file = file;
    this.#config = config;
    this.#materials = materials;
    this.#store = store;
    this.#plane = plane;
    this.#log = log;
    this.#relay = new Relay({
      credentials: materials,
      plane,
      observe: (event) => this.#observe(event),
      limits: limitsOf(config),
    });
    const { perRoute } = config.listen;
    this.#routeListeners = perRoute === undefined ? null : new RouteListeners(perRoute, store, this.#relay);
    this.#book = new RouteBook(this.#relay, store, perRoute, this.#routeListeners);
  }

  /** Serves once resolved. Throws StoreError, ListenError, NoPortLeft or ControlSocketError, with nothing left open. */
  static async start(loaded: LoadedConfig, materials: Materials, log: Logger): Promise<Daemon> {
    const store = await openLmdbRouteStore(loaded.config.state.dir);
    const shares = shareDescriptors();
    const { plane, fallback } = await openDataPlane({ ...loaded.config.splice, pipes: shares.pipes });
    if (fallback !== null) log.warn({ why: fallback }, "sessions are carried by streams, not in the kernel");
    const { connections } = loaded.config.limits;
    if (shares.connections < connections) {
      log.warn(
        { configured: connections, possible: shares.connections },
        "limits.connections is more than the open files that this process may have; raise the limit (ulimit -n, LimitNOFILE)",
      );
    }
    const daemon = new Daemon(loaded, materials, store, plane, log);
    try {
      await daemon.#open();
      return daemon;
    } catch (error) {
      await daemon.#close();
      throw error;
    }
  }

  /** Stops admitting, lets sessions end until `drain.timeout`, and closes everything. */
  async stop(): Promise<void> {
    this.#shared?.close();
    this.#routeListeners?.close();
    await this.#relay.drain(this.#config.drain.timeout);
    await this.#close();
  }

  status(): api.Status {
    const routes = this.#book.list();
    const sessions = this.#relay.sessions();
    const liveBytes = sessions.reduce((sum, { bytes }) => sum + bytes[0] + bytes[1], 0);
    return {
      version,
      pid: process.pid,
      state: this.#relay.draining ? "draining" : "running",
      startedAt: new Date(this.#startedAt).toISOString(),
      uptimeSeconds: (Date.now() - this.#startedAt) / 1000,
      config: this.#file,
      listeners: this.#listeners(),
      routes: {
        static: routes.filter(({ source }) => source === "static").length,
        dynamic: routes.filter(({ source }) => source === "dynamic").length,
      },
      parked: this.#relay.parked().length,
      sessions: { live: sessions.length, total: this.#counters.sessions },
      admitted: this.#counters.admitted,
      refused: this.#counters.refused,
      bytes: this.#counters.endedBytes + liveBytes,
      splice: this.#plane.kind,
      certificates: this.#materials.certificates.map((facts) => viewCertificate(facts, new Date())),
    };
  }

  listRoutes(): api.Route[] {
    const sessions = countByRoute(this.#relay.sessions());
    return this.#book.list().map((route) => viewRoute(route, this.#book.listenerOf(route), this.#relay, sessions));
  }

  async addRoute(asked: api.AddRoute): Promise<api.AddedRoute> {
    const { created, route } = await this.#book.add(asked);
    if (created) this.#log.info({ route: [route.f1, route.f2] }, "route added");
    const sessions = countByRoute(this.#relay.sessions());
    return { created, route: viewRoute(route, this.#book.listenerOf(route), this.#relay, sessions) };
  }

  async deleteRoute(f1: string, f2: string, options: { kill: boolean }): Promise<api.DeletedRoute> {
    const { route, refused, killed } = await this.#book.delete(f1, f2, options);
    this.#log.info({ route: [route.f1, route.f2], refused, killed }, "route deleted");
    return { route: { f1: route.f1, f2: route.f2 }, refused, killed };
  }

  listSessions(): api.Session[] {
    return this.#relay.sessions().map(viewSession);
  }

  killSession(id: string): boolean {
    return this.#relay.endSession(id, "killed");
  }

  listParked(): api.Parked[] {
    return this.#relay.parked().map(viewParked);
  }

  subscribe(listener: (event: api.ControlEvent) => void): () => void {
    this.#subscribers.add(listener);
    return () => this.#subscribers.delete(listener);
  }

  async #open(): Promise<void> {
    await this.#book.load(this.#config.routes);
    this.#control = await openControlServer(this.#config.control.socket, this, this.#log);
    this.#shared = await Listener.open(this.#config.listen.shared, (socket) =>
      this.#relay.accept(socket, { protocol: "connect" }),
    );
    for (const { name, route, error, ...address } of this.#listeners()) {
      if (error === null) this.#log.info({ listener: name, ...(route && { route }), ...address }, "listening");
      else this.#log.error({ listener: name, route, ...address, error }, "a route's listener is down");
    }
  }

  async #close(): Promise<void> {
    this.#shared?.close();
    this.#routeListeners?.close();
    await this.#relay.close();
    await this.#control?.close();
    await this.#store.close();
  }

  #listeners(): api.Listener[] {
    const listeners: api.Listener[] = [];
    if (this.#shared !== null) {
      const shared = viewListener({ protocol: "connect", ...this.#shared.address, error: null });
      listeners.push({ name: "shared", route: null, ...shared });
    }
    for (const route of this.#book.list()) {
      const listener = this.#book.listenerOf(route);
      if (listener === null) continue;
      listeners.push({ name: "route", route: { f1: route.f1, f2: route.f2 }, ...viewListener(listener) });
    }
    return listeners;
  }

  #observe(event: RelayEvent): void {
    this.#counters.count(event);
    logEvent(this.#log, event);
    if (this.#subscribers.size === 0) return;
    const told = { time: new Date().toISOString(), ...event };
    for (const subscriber of this.#subscribers) subscriber(told);
  }
}

function limitsOf({ limits, pairing, sessions }: Config) {
  return {
    headSize: limits.headSize,
    handshakes: limits.handshakes,
    connections: Math.min(limits.connections, shareDescriptors().connections),
    handshakeTimeoutMs: limits.handshakeTimeout,
    requestTimeoutMs: limits.requestTimeout,
    detachTimeoutMs: limits.detachTimeout,
    waitMs: pairing.wait,
    maxWaitMs: pairing.maxWait,
    idleTimeoutMs: sessions.idleTimeout,
  };
}
