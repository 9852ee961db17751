/** What all commands have in common that talk to a running relayd: `--socket`, and how they fail when it is not there. */
import { existsSync } from "node:fs";
import * as Flags from "@oclif/core/flags";
import type { ControlClient } from "@serverless-relay/control-api/client";
import { type ChosenSocket, chooseSocket } from "./control-socket.ts";
import { CommandFailed, Exit } from "./failure.ts";
import { RelayctlCommand } from "./relayctl-command.ts";

const MAX_TIMEOUT_MS = 3_600_000;

export abstract class DaemonCommand extends RelayctlCommand {
  static override baseFlags = {
    socket: Flags.string({
      summary: "Control socket of relayd. Default: RELAYD_SOCKET, else that of the user's or of the system's relayd.",
      helpValue: "PATH",
      helpGroup: "GLOBAL",
    }),
  };

  /** Calls the daemon. `flag`: the value of --socket. Throws CommandFailed if it says no, or is not reachable. */
  protected async askDaemon<T>(flag: string | undefined, ask: (daemon: ControlClient) => Promise<T>): Promise<T> {
    // Loaded here, because it takes as long as oclif itself, and not every command needs it.
    const { ControlClient, ControlError, DaemonUnreachable } = await import("@serverless-relay/control-api/client");
    const chosen = chooseSocket(flag, process.env, existsSync);
    try {
      return await ask(new ControlClient({ socket: chosen.path, ...answerDeadline(process.env) }));
    } catch (error) {
      if (error instanceof ControlError) throw new CommandFailed(error.code, error.message);
      if (error instanceof DaemonUnreachable) throw unreachable(error.message, chosen);
      throw error;
    }
  }
}

/** RELAYD_TIMEOUT: seconds that relayd may take to answer. Throws CommandFailed. */
function answerDeadline({ RELAYD_TIMEOUT }: NodeJS.ProcessEnv): { timeoutMs?: number } {
  if (!RELAYD_TIMEOUT) return {};
  const timeoutMs = Math.round(Number(RELAYD_TIMEOUT) * 1000);
  if (timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS) return { timeoutMs };
  const text = `RELAYD_TIMEOUT=${RELAYD_TIMEOUT} is no number of seconds between 0.001 and 3600; set one, or unset it`;
  throw new CommandFailed("usage", text, Exit.usage);
}

function unreachable(message: string, { origin }: ChosenSocket): CommandFailed {
  const text = `${message}\nThe socket was ${origin}; --socket PATH or RELAYD_SOCKET=PATH chooses another.`;
  return new CommandFailed("daemon_unreachable", text, Exit.unreachable);
}
