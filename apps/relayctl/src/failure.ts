/** What can go wrong, and how it is told: one line on stderr, or JSON on stdout, and an exit code. */

export const Exit = {
  /** the daemon or the command said no */
  refused: 1,
  /** the command line is wrong */
  usage: 2,
  /** the daemon is not reachable (EX_UNAVAILABLE of sysexits.h) */
  unreachable: 69,
} as const;

/** An expected failure: its message says what to do. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
  /** for programs: an error code of the control API, or one of relayctl's own */
  readonly code: string;
  readonly exit: number;

  constructor(code: string, message: string, exit: number = Exit.refused) {
    super(message);
    this.code = code;
    this.exit = exit;
  }
}

/** Tells of a failure: as JSON on one line, so that it may also end a stream of lines. Gives the exit code. */
export function reportFailure(error: unknown, json: boolean): number {
  const { code, exit, ...described } = describe(error);
  const message = plainly(described.message);
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`);
  else if (message !== "") process.stderr.write(`relayctl: ${message}\n`);
  return exit;
}

interface Description {
  readonly code: string;
  /** empty if all has been said */
  readonly message: string;
  readonly exit: number;
}

function describe(error: unknown): Description {
  if (error instanceof CommandFailed) return { code: error.code, message: error.message, exit: error.exit };
  const oclifExit = oclifExitCode(error);
  if (error instanceof Error && oclifExit !== undefined) {
    const said = "code" in error && error.code === "EEXIT";
    return { code: "usage", message: said ? "" : error.message, exit: oclifExit };
  }
  // A defect of relayctl: the one case in which a stack trace helps.
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: "internal", message: `unexpected failure, please report it: ${trace}`, exit: Exit.refused };
}

/** oclif puts the flag in a line of its own, above what is wrong with its value; some of our messages begin with it. */
function plainly(message: string): string {
  return message.replace(/^Parsing (--\S+)\s*\n\t(--)?/, (_, flag: string, named = `${flag}: `) => named);
}

/** oclif's own errors, all of them about the command line, carry their exit code. */
function oclifExitCode(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("oclif" in error)) return undefined;
  const { oclif } = error;
  if (typeof oclif !== "object" || oclif === null || !("exit" in oclif)) return undefined;
  return typeof oclif.exit === "number" ? oclif.exit : undefined;
}
