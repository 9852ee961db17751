/**
 * The log: one JSON object a line, on stderr, for stdout may be the data. Writing never holds up the data: a reader that does
 * not keep up loses lines.
 */
import { type Logger, pino, stdTimeFunctions } from "pino";

export type { Logger } from "pino";

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What is buffered for a reader that is slow, in bytes. */
const BUFFER_BYTES = 1024 * 1024;

export function createLogger(level: LogLevel): Logger {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, pino.destination({ dest: 2, sync: false, maxLength: BUFFER_BYTES }));
}

/** Of an error, for a log line. */
export interface ErrorFields {
  readonly kind: string;
  readonly error: string;
  /** why the relay said no */
  readonly reason?: string;
}

export function errorFields(error: unknown): ErrorFields {
  if (!(error instanceof Error)) return { kind: typeof error, error: String(error) };
  const reason = "reason" in error && typeof error.reason === "string" ? { reason: error.reason } : {};
  return { kind: error.name, error: messageOf(error), ...reason };
}

/** Trying each address of a host gives an AggregateError, whose own message is empty. */
function messageOf(error: Error): string {
  if (error instanceof AggregateError) return error.errors.map((each: Error) => each.message).join("; ");
  return error.message;
}
