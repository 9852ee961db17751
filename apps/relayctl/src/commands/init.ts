import { join, resolve } from "node:path";
import * as Flags from "@oclif/core/flags";
import { createInstallation, DEFAULT_HOSTS, isRemote } from "../installation.ts";
import { RelayctlCommand } from "../relayctl-command.ts";
import { SOCKET } from "../relayd-yaml.ts";
import { shellWord } from "../shell-word.ts";

export default class Init extends RelayctlCommand {
  static override summary = "Make an authority, the relay's certificate and relayd.yaml in a directory.";
  static override description = "Never overwrites: if one of the files is there already, nothing is written.";
  static override examples = [
    "<%= config.bin %> <%= command.id %> --dir relay",
    "<%= config.bin %> <%= command.id %> --dir relay --host relay.example --host 192.0.2.7",
  ];
  static override flags = {
    dir: Flags.string({ required: true, helpValue: "DIR", summary: "Where to; made if missing." }),
    host: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "NAME_OR_IP",
      summary: `Under what functions dial the relay; may be repeated. Default: ${DEFAULT_HOSTS.join(", ")}.`,
    }),
  };

  override async run(): Promise<{ dir: string; files: readonly string[]; config: string; socket: string }> {
    const { flags } = await this.parse(Init);
    const { dir, host: hosts = [...DEFAULT_HOSTS] } = flags;
    const files = await createInstallation(dir, hosts);
    const config = join(dir, "relayd.yaml");
    const socket = resolve(dir, SOCKET);
    this.log(`made in ${dir}: ${files.join(", ")}`);
    this.log(`relay.pem is for ${hosts.join(", ")}; keep ca.key secret\n`);
    if (hosts.some(isRemote)) this.log(`To be reached from other machines, change listen.shared in ${config}.\n`);
    this.log("Next:");
    this.log(`  relayd --config ${shellWord(config)}`);
    this.log(`  relayctl cert issue f1 --dir ${shellWord(dir)}`);
    this.log(`  relayctl cert issue f2 --dir ${shellWord(dir)}`);
    this.log(`  relayctl route add f1 f2 --socket ${shellWord(socket)}`);
    return { dir, files, config, socket };
  }
}
