import type { ReloadResult } from "@serverless-relay/control-api";
import { DaemonCommand } from "../daemon-command.ts";
import { describeReload } from "../reload-text.ts";

export default class Reload extends DaemonCommand {
  static override summary = "Have relayd read its configuration, and the files that it names, anew.";
  static override description =
    "Answers when all is in force. If one of the files is bad, nothing changes, and every problem is told. relayd does the same by itself when a file changes, and on SIGHUP.";
  static override examples = ["<%= config.bin %> <%= command.id %>"];

  override async run(): Promise<ReloadResult> {
    const { flags } = await this.parse(Reload);
    const result = await this.askDaemon(flags.socket, (daemon) => daemon.reload());
    this.log(describeReload(result, "now in force").join("\n"));
    return result;
  }
}
