/** How relay-sidecar ends: exit codes as in sysexits.h, and one line on stderr that says what is wrong and what to do. */
import { ConnectionTruncated, RelayError, RelayRefused, RelayUnreachable } from "@serverless-relay/client";

export const Exit = {
  /** ended as asked */
  ok: 0,
  /** the command line is wrong (EX_USAGE) */
  usage: 64,
  /** an address cannot be listened on, or the relay not be reached (EX_UNAVAILABLE) */
  unavailable: 69,
  /** a defect of relay-sidecar (EX_SOFTWARE) */
  software: 70,
  /** the connection was broken off (EX_IOERR) */
  brokenOff: 74,
  /** the peer did not come, or the relay is full: later it may work (EX_TEMPFAIL) */
  later: 75,
  /** the relay or the peer is not who it should be (EX_PROTOCOL) */
  notVerified: 76,
  /** the relay refuses this function (EX_NOPERM) */
  refused: 77,
  /** the environment, or a file that it names, is wrong (EX_CONFIG) */
  config: 78,
} as const;

/** An expected failure. Its message says what is wrong and, after a semicolon, what to do. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly exit: number;
  /** as it was thrown: oclif rewrites the message of what a flag's parser throws */
  readonly said: string;

  constructor(message: string, exit: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.exit = exit;
    this.said = message;
  }
}

/** Says on stderr what went wrong, and gives the exit code. */
export function reportFailure(error: unknown): number {
  const exit = exitCodeOf(error);
  const message = exit === Exit.software ? `unexpected failure, please report it: ${traceOf(error)}` : messageOf(error);
  if (message !== "") process.stderr.write(`relay-sidecar: ${message}\n`);
  return exit;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof Failure) return error.exit;
  if (error instanceof RelayUnreachable) return Exit.unavailable;
  if (error instanceof ConnectionTruncated) return Exit.brokenOff;
  if (error instanceof RelayError) return exitCodeOfRelay(error);
  const asked = oclifExit(error);
  return asked === undefined ? Exit.software : asked === 0 ? Exit.ok : Exit.usage;
}

function exitCodeOfRelay(error: RelayError): number {
  if (error.retryable) return Exit.later;
  return error instanceof RelayRefused ? Exit.refused : Exit.notVerified;
}

/** oclif's own errors, all of them about the command line, carry an exit code; that of --help is 0. */
function oclifExit(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("oclif" in error)) return undefined;
  const { oclif } = error;
  if (typeof oclif !== "object" || oclif === null || !("exit" in oclif)) return undefined;
  return typeof oclif.exit === "number" ? oclif.exit : undefined;
}

/** Empty where all has been said. */
function messageOf(error: unknown): string {
  if (error instanceof Failure) return error.said;
  if (!(error instanceof Error)) return String(error);
  if ("code" in error && error.code === "EEXIT") return "";
  if (error instanceof RelayRefused) return `refused: ${error.status} ${error.message}`;
  return error.message;
}

function traceOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
