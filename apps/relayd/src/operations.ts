/** What an operator can see and do: the control API's requests, on the parts of a running daemon. */
import type * as api from "@serverless-relay/control-api";
import type { BookedRoute } from "./booked-routes.ts";
import { checkName } from "./control/check-name.ts";
import { ControlFailure } from "./control/failure.ts";
import type { ControlTarget } from "./control/target.ts";
import type { DaemonParts } from "./daemon-parts.ts";
import { viewStatus } from "./status-view.ts";
import { viewDrain, viewParked, viewRoute, viewSession } from "./views.ts";
import { checkedHooks } from "./wake/hooks.ts";
import { lookAt } from "./why/look.ts";
import { explain } from "./why/why.ts";

export class Operations implements ControlTarget {
  readonly #parts: DaemonParts;

  constructor(parts: DaemonParts) {
    this.#parts = parts;
  }

  status(): api.Status {
    return viewStatus(this.#parts);
  }

  async cluster(): Promise<api.Cluster> {
    const { cluster } = this.#parts;
    if (cluster === null) {
      throw new ControlFailure(
        "no_cluster",
        "this relay is on its own; set cluster in its configuration to join others",
      );
    }
    return { cluster: cluster.state(), relays: await cluster.relays() };
  }

  *listRoutes(): Generator<api.Route, void, undefined> {
    for (const route of this.#parts.book) yield this.#view(route);
  }

  getRoute(f1: string, f2: string): api.Route {
    return this.#view(this.#parts.book.get(f1, f2));
  }

  async addRoute(asked: api.AddRoute): Promise<api.AddedRoute> {
    const { book, log, config } = this.#parts;
    const wake = checkedHooks(asked.wake, config.wake?.allow ?? []);
    const { created, route } = await book.add({ ...asked, wake });
    if (created) log.info({ route: [route.f1, route.f2] }, "route added");
    return { created, route: this.#view(route) };
  }

  async deleteRoute(f1: string, f2: string, options: { kill: boolean }): Promise<api.DeletedRoute> {
    const { book, log } = this.#parts;
    const { route, refused, killed } = await book.delete(f1, f2, options);
    log.info({ route: [route.f1, route.f2], refused, killed }, "route deleted");
    return { route: { f1: route.f1, f2: route.f2 }, refused, killed };
  }

  listSessions(): api.Session[] {
    return this.#parts.relay.sessions().map(viewSession);
  }

  getSession(id: string): api.Session | null {
    const session = this.#parts.relay.session(id);
    return session === undefined ? null : viewSession(session);
  }

  killSession(id: string): boolean {
    return this.#parts.relay.endSession(id, "killed");
  }

  listParked(): api.Parked[] {
    return this.#parts.relay.parked().map(viewParked);
  }

  why(f1: string, f2: string, channel: string | null): api.Why {
    for (const name of [f1, f2]) checkName(name);
    return explain(lookAt(this.#parts, f1, f2, channel));
  }

  drain({ timeoutMs }: { timeoutMs: number | undefined }): api.StartedDrain {
    const { relay } = this.#parts;
    const drain = viewDrain(this.#parts.drain(timeoutMs));
    const sessions = relay.sessionCount;
    this.#parts.log.info({ deadline: drain.deadline, sessions }, "draining, as was asked for at the control socket");
    return { drain, sessions };
  }

  logState(): api.LogState {
    const { log, config } = this.#parts;
    return { level: log.level as api.LogLevel, configured: config.log.level };
  }

  setLogLevel(level: api.LogLevel): api.LogState {
    const { log } = this.#parts;
    const from = log.level;
    log.level = level;
    log.warn({ from, to: level }, "log level set");
    return this.logState();
  }

  async reload(): Promise<api.ReloadResult> {
    return this.#parts.reloader.reload("request");
  }

  async checkConfig(file: string | undefined): Promise<api.ReloadResult> {
    return this.#parts.reloader.check(file);
  }

  subscribe(listener: (event: api.ControlEvent) => void): () => void {
    return this.#parts.feed.subscribe(listener);
  }

  #view(route: BookedRoute): api.Route {
    const { book, relay } = this.#parts;
    return viewRoute(route, book.listenerOf(route), relay);
  }
}
