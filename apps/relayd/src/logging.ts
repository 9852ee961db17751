/**
 * The log: one JSON object a line on stdout; for people, in colours, only where the configuration or a terminal asks for
 * it. Writing never holds up the relay: a reader that does not keep up loses lines, and is told how many.
 */
import { createRequire } from "node:module";
import { type Logger, type LoggerOptions, pino, stdTimeFunctions } from "pino";
import type { PrettyOptions } from "pino-pretty";
import type { Config } from "./config/schema.ts";
import { LogFile } from "./log-file.ts";

interface Output {
  readonly fd: number;
  readonly isTTY?: boolean;
}

/** What is buffered for a reader that is slow, in bytes. */
const BUFFER_BYTES = 8 * 1024 * 1024;

export function createLogger({ level, format }: Config["log"], output: Output = process.stdout): Logger {
  const pretty = format === "pretty" || (format === "auto" && output.isTTY === true);
  return pretty ? createPrettyLogger(level, output) : createJsonLogger(level, output);
}

function createJsonLogger(level: string, { fd }: Output): Logger {
  const destination = pino.destination({ dest: fd, sync: false, maxLength: BUFFER_BYTES });
  const log = pino(optionsFor(level), new LogFile(destination));
  let dropped = 0;
  destination.on("drop", (lines: string) => {
    dropped += lines.split("\n").length - 1;
  });
  destination.on("drain", () => {
    if (dropped === 0) return;
    log.warn({ dropped }, "lines of this log were dropped, for its reader is too slow");
    dropped = 0;
  });
  return log;
}

/** pino-pretty is loaded only here, and not in a thread: what is for people to see need not be fast. */
function createPrettyLogger(level: string, { fd, isTTY = false }: Output): Logger {
  const build = createRequire(import.meta.url)("pino-pretty") as (options: PrettyOptions) => NodeJS.WritableStream;
  const colorize = isTTY && !process.env.NO_COLOR;
  return pino(optionsFor(level), build({ destination: fd, sync: true, colorize, singleLine: true }));
}

function optionsFor(level: string): LoggerOptions {
  return {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
}
