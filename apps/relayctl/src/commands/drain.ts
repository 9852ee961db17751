import type { StartedDrain } from "@serverless-relay/control-api";
import { DaemonCommand } from "../daemon-command.ts";
import { durationFlag } from "../duration-flag.ts";
import { count } from "../quantities.ts";
import { ageText } from "../session-text.ts";

export default class Drain extends DaemonCommand {
  static override summary = "Stop admitting, let the sessions end, and then stop relayd.";
  static override description =
    "Whoever is parked, or comes, is refused with 503 and may try another relay. Sessions that are left at the deadline are reset. This command does not wait for that. Called again, it sets the deadline anew.";
  static override examples = [
    "<%= config.bin %> <%= command.id %>",
    "<%= config.bin %> <%= command.id %> --timeout 10m",
    "<%= config.bin %> <%= command.id %> --timeout 0s",
  ];
  static override flags = {
    timeout: durationFlag("timeout", "How long sessions may go on. Default: drain.timeout of the configuration."),
  };

  override async run(): Promise<StartedDrain> {
    const { flags } = await this.parse(Drain);
    const { socket, timeout } = flags;
    const started = await this.askDaemon(socket, (daemon) => daemon.drain(timeout === undefined ? {} : { timeout }));
    const { drain, sessions } = started;
    const left = ageText(new Date().toISOString(), Date.parse(drain.deadline));
    this.log(`draining: ${count(sessions, "session")} under way; what is left at ${drain.deadline} (${left}) is reset`);
    return started;
  }
}
