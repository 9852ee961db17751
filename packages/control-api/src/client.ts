/**
 * A typed client of the control API. It checks no answer against the schemas, and so loads no zod: the two ends come
 * from the same release, and a program that is started for one call starts fast.
 *
 * Every method throws ControlError if the daemon says no, and DaemonUnreachable if there is no whole answer within the
 * deadline.
 */
import type { IncomingMessage } from "node:http";
import type { Cluster } from "./cluster.ts";
import type { StartDrain, StartedDrain } from "./drain.ts";
import type { ControlEvent } from "./events.ts";
import { exchange, openStream, patiently, type Target, translate } from "./exchange.ts";
import type { LogLevel, LogState } from "./log.ts";
import type { Parked, ParkedList } from "./parked.ts";
import type { ReloadResult } from "./reload.ts";
import type { AddedRoute, AddRoute, DeletedRoute, Route } from "./routes.ts";
import type { KilledSession, Session, SessionList } from "./sessions.ts";
import type { Status } from "./status.ts";
import { DaemonUnreachable } from "./unreachable.ts";
import type { Why } from "./why.ts";

export { ControlError } from "./control-error.ts";
export { DaemonUnreachable, type UnreachableReason } from "./unreachable.ts";

export interface ControlClientOptions {
  /** path of the daemon's control socket */
  readonly socket: string;
  /** for each call, until its whole answer has been read; default 10,000 */
  readonly timeoutMs?: number;
}

export interface EventsOptions {
  readonly signal?: AbortSignal;
  readonly opened?: () => void;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_LINE_MIB = 1;
const NDJSON = "application/x-ndjson";

export class ControlClient {
  readonly #target: Target;

  constructor({ socket, timeoutMs = DEFAULT_TIMEOUT_MS }: ControlClientOptions) {
    this.#target = { socket, timeoutMs };
  }

  async status(): Promise<Status> {
    return (await exchange(this.#target, { method: "GET", path: "/v1/status" })) as Status;
  }

  /** The relays of the cluster. */
  async cluster(): Promise<Cluster> {
    return (await exchange(this.#target, { method: "GET", path: "/v1/cluster" })) as Cluster;
  }

  async listRoutes(): Promise<Route[]> {
    const routes: Route[] = [];
    for await (const route of this.routes()) routes.push(route);
    return routes;
  }

  /** One by one, however many there are; the deadline is for each part of them. */
  async *routes(): AsyncGenerator<Route, void, undefined> {
    const asked = { method: "GET", path: "/v1/routes", accept: NDJSON } as const;
    const stream = await openStream(this.#target, asked);
    try {
      expectLines(stream, this.#target);
      for await (const line of lines(patiently(stream, this.#target), this.#target)) {
        yield parseLine<Route>(line, this.#target);
      }
    } catch (error) {
      throw translate(error, this.#target, true);
    } finally {
      stream.destroy();
    }
  }

  async getRoute(f1: string, f2: string): Promise<Route> {
    const path = `/v1/routes/${encodeURIComponent(f1)}/${encodeURIComponent(f2)}`;
    return (await exchange(this.#target, { method: "GET", path })) as Route;
  }

  /** Not `created`: the route was there before, just as asked for. */
  async addRoute(route: AddRoute): Promise<AddedRoute> {
    return (await exchange(this.#target, { method: "POST", path: "/v1/routes", body: route })) as AddedRoute;
  }

  /** `kill` ends the live sessions of the route, too. */
  async deleteRoute(f1: string, f2: string, { kill = false }: { kill?: boolean } = {}): Promise<DeletedRoute> {
    const path = `/v1/routes/${encodeURIComponent(f1)}/${encodeURIComponent(f2)}?kill=${kill}`;
    return (await exchange(this.#target, { method: "DELETE", path })) as DeletedRoute;
  }

  async listSessions(): Promise<Session[]> {
    const { sessions } = (await exchange(this.#target, { method: "GET", path: "/v1/sessions" })) as SessionList;
    return sessions;
  }

  async getSession(id: string): Promise<Session> {
    return (await exchange(this.#target, { method: "GET", path: `/v1/sessions/${encodeURIComponent(id)}` })) as Session;
  }

  async killSession(id: string): Promise<KilledSession> {
    const path = `/v1/sessions/${encodeURIComponent(id)}`;
    return (await exchange(this.#target, { method: "DELETE", path })) as KilledSession;
  }

  async listParked(): Promise<Parked[]> {
    const { parked } = (await exchange(this.#target, { method: "GET", path: "/v1/parked" })) as ParkedList;
    return parked;
  }

  /** Why two functions do, or do not, meet just now; on one channel, or on all. */
  async why(f1: string, f2: string, { channel }: { channel?: string | undefined } = {}): Promise<Why> {
    const query = channel === undefined ? "" : `?channel=${encodeURIComponent(channel)}`;
    const path = `/v1/why/${encodeURIComponent(f1)}/${encodeURIComponent(f2)}${query}`;
    return (await exchange(this.#target, { method: "GET", path })) as Why;
  }

  /** Nobody is admitted from now on; once the sessions have ended, at the deadline at the latest, relayd exits. */
  async drain(options: StartDrain = {}): Promise<StartedDrain> {
    return (await exchange(this.#target, { method: "POST", path: "/v1/drain", body: options })) as StartedDrain;
  }

  async logState(): Promise<LogState> {
    return (await exchange(this.#target, { method: "GET", path: "/v1/log" })) as LogState;
  }

  /** Until the configuration is read anew. */
  async setLogLevel(level: LogLevel): Promise<LogState> {
    return (await exchange(this.#target, { method: "PUT", path: "/v1/log", body: { level } })) as LogState;
  }

  /** Throws ControlError `config_invalid`, whose message has a line for each problem, if the files are bad. */
  async reload(): Promise<ReloadResult> {
    return (await exchange(this.#target, { method: "POST", path: "/v1/reload" })) as ReloadResult;
  }

  /** What a reload would do. `file`: absolute path of another configuration. Throws as reload() does. */
  async checkConfig(file?: string): Promise<ReloadResult> {
    const body = file === undefined ? {} : { file };
    return (await exchange(this.#target, { method: "POST", path: "/v1/config/check", body })) as ReloadResult;
  }

  /**
   * The daemon's events, from now on. Ends when the daemon ends the stream, or `signal` is aborted; throws
   * DaemonUnreachable if it breaks off. `opened` is called once nothing that happens is missed any more.
   */
  async *events({ signal, opened }: EventsOptions = {}): AsyncGenerator<ControlEvent, void, undefined> {
    let stream: IncomingMessage | undefined;
    try {
      stream = await openStream(this.#target, { method: "GET", path: "/v1/events" }, signal);
      opened?.();
      stream.setEncoding("utf8");
      for await (const line of lines(stream, this.#target)) yield parseLine<ControlEvent>(line, this.#target);
    } catch (error) {
      if (!signal?.aborted) throw translate(error, this.#target, stream !== undefined);
    } finally {
      stream?.destroy();
    }
  }
}

function expectLines({ headers }: IncomingMessage, { socket }: Target): void {
  const type = headers["content-type"] ?? "nothing";
  if (!type.startsWith(NDJSON))
    throw new DaemonUnreachable("not_relayd", socket, `its answer is ${type}, not ${NDJSON}`);
}

async function* lines(stream: AsyncIterable<string>, { socket }: Target): AsyncGenerator<string, void, undefined> {
  let rest = "";
  for await (const text of stream) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    if (rest.length > MAX_LINE_MIB * 1024 * 1024) {
      throw new DaemonUnreachable("too_large", socket, `${MAX_LINE_MIB} MiB in one line`);
    }
    yield* parts.filter((line) => line !== "");
  }
}

function parseLine<T>(line: string, { socket }: Target): T {
  try {
    return JSON.parse(line) as T;
  } catch (cause) {
    throw new DaemonUnreachable("not_relayd", socket, "a line of its answer is no JSON", { cause });
  }
}
