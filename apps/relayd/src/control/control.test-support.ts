/** For the tests of the control API: a target that keeps routes in memory, and requests over a Unix socket. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import type {
  ControlEvent,
  LogLevel,
  LogState,
  Parked,
  ReloadResult,
  Route,
  Session,
  StartedDrain,
  Status,
  Why,
} from "@serverless-relay/control-api";
import { pino } from "pino";
import { ControlFailure } from "./failure.ts";
import type { ControlTarget } from "./target.ts";

export const TIME = "2026-11-23T06:00:00.000Z";

export const STATUS: Status = {
  version: "1.2.3",
  pid: 1,
  state: "running",
  drain: null,
  startedAt: TIME,
  uptimeSeconds: 1.5,
  config: "/etc/relayd/relayd.yaml",
  listeners: [],
  routes: { static: 0, dynamic: 0 },
  parked: 0,
  sessions: { live: 0, total: 0 },
  admitted: 0,
  refused: {},
  bytes: 0,
  limits: {
    connections: { used: 4, limit: 10_000 },
    handshakes: { used: 1, limit: 512 },
    sessions: { used: 1, limit: 5_000 },
  },
  splice: "stream",
  cluster: null,
  reload: { lastAt: null, trigger: null, ok: true, problems: [], restart: [], good: 0, bad: 0 },
  certificates: [],
};

export const SESSION: Session = {
  id: "s 1/2",
  route: { f1: "f1", f2: "f2" },
  channel: "443",
  startedAt: TIME,
  ends: [
    { name: "f1", address: "127.0.0.1:5000", transport: "raw", role: "client", bytesSent: 1 },
    { name: "f2", address: "127.0.0.1:5001", transport: "tls", role: "server", bytesSent: 2 },
  ],
};

export const PARKED: Parked = {
  id: "p1",
  name: "f1",
  peer: "f2",
  route: { f1: "f1", f2: "f2" },
  channel: "443",
  transport: "raw",
  role: null,
  address: "127.0.0.1:5000",
  parkedAt: TIME,
  deadline: TIME,
};

export const RELOADED: ReloadResult = { changed: ["tls.crl"], restart: [], warnings: [], refused: 1, ended: 2 };

const ROUTE: Route = {
  f1: "f1",
  f2: "f2",
  source: "dynamic",
  createdAt: TIME,
  listener: null,
  channelLimit: null,
  maxSessions: null,
  expiresAt: null,
  once: false,
  wait: null,
  bandwidth: null,
  pins: null,
  wake: null,
  parked: 0,
  sessions: 0,
};

export class FakeTarget implements ControlTarget {
  routes: Route[] = [];
  configIsBad = false;
  readonly subscribers = new Set<(event: ControlEvent) => void>();
  /** what deleteRoute was called with last */
  deleted: unknown;
  /** what drain was called with, each time */
  readonly drained: (number | undefined)[] = [];
  level: LogLevel = "info";
  /** thrown by status(), if set */
  broken: Error | undefined;

  status(): Status {
    if (this.broken !== undefined) throw this.broken;
    return STATUS;
  }

  async cluster(): Promise<never> {
    throw new ControlFailure("no_cluster", "this relay is on its own");
  }

  listRoutes(): Route[] {
    return this.routes;
  }

  getRoute(f1: string, f2: string): Route {
    const found = this.routes.find((route) => route.f1 === f1 && route.f2 === f2);
    if (found === undefined) throw new ControlFailure("route_not_found", "see relayctl route list");
    return found;
  }

  async addRoute({ f1, f2 }: { f1: string; f2: string }): Promise<{ created: boolean; route: Route }> {
    if (f1 === "static") throw new ControlFailure("route_differs", "delete it first");
    const existing = this.routes.find((route) => route.f1 === f1 && route.f2 === f2);
    if (existing !== undefined) return { created: false, route: existing };
    const route: Route = { ...ROUTE, f1, f2 };
    this.routes.push(route);
    return { created: true, route };
  }

  async deleteRoute(f1: string, f2: string, { kill }: { kill: boolean }) {
    this.deleted = [f1, f2, kill];
    return { route: { f1, f2 }, refused: 1, killed: kill ? 1 : 0 };
  }

  listSessions(): Session[] {
    return [SESSION];
  }

  getSession(id: string): Session | null {
    return id === SESSION.id ? SESSION : null;
  }

  killSession(id: string): boolean {
    return id === SESSION.id;
  }

  listParked(): Parked[] {
    return [PARKED];
  }

  why(f1: string, f2: string, channel: string | null): Why {
    const finding = { code: "no_route", severity: "error", text: "there is no route" } as const;
    return { f1, f2, channel, canMeet: false, findings: [finding] };
  }

  drain({ timeoutMs }: { timeoutMs: number | undefined }): StartedDrain {
    this.drained.push(timeoutMs);
    return { drain: { startedAt: TIME, deadline: TIME }, sessions: 1 };
  }

  logState(): LogState {
    return { level: this.level, configured: "info" };
  }

  setLogLevel(level: LogLevel): LogState {
    this.level = level;
    return this.logState();
  }

  async reload(): Promise<ReloadResult> {
    if (this.configIsBad) throw new ControlFailure("config_invalid", "relayd.yaml:1:1: bad\nrelayd.yaml:2:1: bad, too");
    return RELOADED;
  }

  async checkConfig(file: string | undefined): Promise<ReloadResult> {
    return { ...RELOADED, warnings: [`looked at ${file ?? "its own"}`] };
  }

  subscribe(listener: (event: ControlEvent) => void): () => void {
    this.subscribers.add(listener);
    return () => void this.subscribers.delete(listener);
  }

  emit(event: ControlEvent): void {
    for (const subscriber of this.subscribers) subscriber(event);
  }
}

/** A log, and the lines that were written to it. */
export function recordingLog() {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { log, lines };
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
}

export interface Sent {
  /** as it is if it is text, else as JSON */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function ask(socketPath: string, method: string, path: string, sent: Sent = {}): Promise<Answer> {
  const response = await begin(socketPath, method, path, sent);
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += String(chunk);
  const type = response.headers["content-type"] ?? "";
  return { status: response.statusCode ?? 0, type, body: type.includes("json") ? JSON.parse(text) : text };
}

/** Resolves with the head of the answer. */
export async function begin(
  socketPath: string,
  method: string,
  path: string,
  { body, headers }: Sent = {},
): Promise<IncomingMessage> {
  const json = body === undefined ? {} : { "content-type": "application/json" };
  const asked = request({ socketPath, agent: false, method, path, headers: { ...json, ...headers } });
  asked.end(typeof body === "string" || body === undefined ? body : JSON.stringify(body));
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  return response;
}
