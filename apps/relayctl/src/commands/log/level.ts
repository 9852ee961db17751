import * as Args from "@oclif/core/args";
import type { LogState } from "@serverless-relay/control-api";
import { DaemonCommand } from "../../daemon-command.ts";

export default class LogLevel extends DaemonCommand {
  static override summary = "Show how much relayd logs, or change that.";
  static override description =
    "A change holds until relayd reads its configuration anew. Every connection is logged at info; warn leaves only what needs attention.";
  static override examples = [
    "<%= config.bin %> <%= command.id %>",
    "<%= config.bin %> <%= command.id %> debug",
    "<%= config.bin %> <%= command.id %> --json",
  ];
  static override args = {
    level: Args.option({
      ignoreStdin: true, // or oclif would read a missing argument from there
      options: ["trace", "debug", "info", "warn", "error"] as const,
      description: "the least that is to be logged; without it, nothing is changed",
    })(),
  };

  override async run(): Promise<LogState> {
    const { args, flags } = await this.parse(LogLevel);
    const { level } = args;
    const state = await this.askDaemon(flags.socket, (daemon) =>
      level === undefined ? daemon.logState() : daemon.setLogLevel(level),
    );
    const configured =
      state.level === state.configured ? "as configured" : `the configuration says ${state.configured}`;
    this.log(`log level ${state.level}; ${configured}`);
    return state;
  }
}
