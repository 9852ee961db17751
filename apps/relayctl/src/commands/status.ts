import type { Status as DaemonStatus } from "@serverless-relay/control-api";
import { DaemonCommand } from "../daemon-command.ts";
import { describeStatus } from "../status-text.ts";
import { stylesFor } from "../styles.ts";

export default class Status extends DaemonCommand {
  static override summary = "Show how relayd is doing, warnings first.";
  static override examples = [
    "<%= config.bin %> <%= command.id %>",
    "<%= config.bin %> <%= command.id %> --socket run/relayd.sock",
    "<%= config.bin %> <%= command.id %> --json",
  ];

  override async run(): Promise<DaemonStatus> {
    const { flags } = await this.parse(Status);
    const status = await this.askDaemon(flags.socket, (daemon) => daemon.status());
    this.log(describeStatus(status, stylesFor(process.stdout, process.env)).join("\n"));
    return status;
  }
}
