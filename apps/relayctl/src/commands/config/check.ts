import { resolve } from "node:path";
import * as Args from "@oclif/core/args";
import type { ReloadResult } from "@serverless-relay/control-api";
import { DaemonCommand } from "../../daemon-command.ts";
import { describeReload } from "../../reload-text.ts";

export default class ConfigCheck extends DaemonCommand {
  static override summary = "Ask relayd what a reload would do, without doing it.";
  static override description =
    "relayd looks, with its own eyes and rights, at its configuration and the files that it names, or at FILE as if that were its configuration. Where no relayd runs: relayd --check --config FILE.";
  static override examples = [
    "<%= config.bin %> <%= command.id %>",
    "<%= config.bin %> <%= command.id %> /etc/relayd/relayd.yaml.new",
  ];
  static override args = {
    file: Args.string({ name: "FILE", description: "another configuration than relayd's own" }),
  };

  override async run(): Promise<ReloadResult> {
    const { args, flags } = await this.parse(ConfigCheck);
    const file = args.file === undefined ? undefined : resolve(args.file);
    const result = await this.askDaemon(flags.socket, (daemon) => daemon.checkConfig(file));
    this.log(describeReload(result, "good; a reload would change").join("\n"));
    return result;
  }
}
