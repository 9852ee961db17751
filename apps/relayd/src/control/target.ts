/** What the control API talks to: the running daemon, in the API's own shapes. */
import type {
  AddedRoute,
  AddRoute,
  Cluster,
  ControlEvent,
  DeletedRoute,
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

/** Every method may throw ControlFailure; whatever else is thrown is answered as `internal`, and logged. */
export interface ControlTarget {
  status(): Status;
  /** Throws ControlFailure where there is no cluster. */
  cluster(): Promise<Cluster>;
  /** Made as they are asked for, and so no snapshot: one that is deleted meanwhile may be left out. */
  listRoutes(): Iterable<Route>;
  getRoute(f1: string, f2: string): Route;
  /** Durable once resolved. */
  addRoute(asked: AddRoute): Promise<AddedRoute>;
  /** Durable once resolved. */
  deleteRoute(f1: string, f2: string, options: { kill: boolean }): Promise<DeletedRoute>;
  listSessions(): Session[];
  /** Null if there is no such session, or it has ended. */
  getSession(id: string): Session | null;
  /** False if there is no such session. */
  killSession(id: string): boolean;
  listParked(): Parked[];
  /** `channel`: only that one; null: all. */
  why(f1: string, f2: string, channel: string | null): Why;
  /** Begins to drain; of a drain under way, sets the deadline anew if `timeoutMs` is given. When it is over, relayd ends. */
  drain(options: { timeoutMs: number | undefined }): StartedDrain;
  logState(): LogState;
  /** Until the configuration is read anew. */
  setLogLevel(level: LogLevel): LogState;
  /** Resolves when all is in force. */
  reload(): Promise<ReloadResult>;
  /** Of the configuration in `file` (absolute), or of the daemon's own. Changes nothing. */
  checkConfig(file: string | undefined): Promise<ReloadResult>;
  /** The listener must not throw. Once unsubscribed, it is not called again. */
  subscribe(listener: (event: ControlEvent) => void): () => void;
}
